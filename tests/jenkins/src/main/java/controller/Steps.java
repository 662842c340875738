package controller;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/** The steps that the library uses, with the arguments that it uses; anything else is an error. */
final class Steps {
    static final Set<String> NAMES = Set.of("sh", "echo", "error", "input", "archiveArtifacts", "readFile", "checkout",
                                            "enterBlock", "leaveBlock", "declared");

    private Steps() {}

    /** Runs one. An abort that came in the meantime is thrown when the step has ended, as Jenkins does. */
    static Object run(String name, Object[] arguments) {
        Build build = Build.current();
        Talk.tell("step", "name", name);
        try {
            Object value = does(build, name, arguments.length == 0 ? null : arguments[0], arguments);
            if (!name.equals("leaveBlock") && build.takeAbort()) {
                throw new Interrupted("aborted");
            }
            return value;
        } catch (IOException | InterruptedException broken) {
            throw new IllegalStateException(name + ": " + broken, broken);
        }
    }

    private static Object does(Build build, String name, Object first, Object[] all) throws IOException, InterruptedException {
        switch (name) {
            case "sh": return sh(build, first);
            case "echo": return lines(String.valueOf(first));
            case "error": throw new IllegalStateException(String.valueOf(first));
            case "input": return input(build, only(first, "message", "ok", "submitterParameter", "submitter"));
            case "archiveArtifacts": return archive(build, only(first, "artifacts", "allowEmptyArchive"));
            case "readFile": return Files.readString(here(build).resolve(String.valueOf(first)));
            case "checkout": return copy(Path.of(build.text("repository")), here(build));
            case "enterBlock": return enter(build, String.valueOf(first), all[1]);
            case "leaveBlock": return leave(build, String.valueOf(first));
            case "declared": Talk.tell("declared", "word", first, "value", all[1]); return null;
            default: throw new IllegalStateException("No such DSL method '" + name + "'");
        }
    }

    private static Path here(Build build) {
        if (build.workspaces.isEmpty()) {
            throw new IllegalStateException("Required context class hudson.FilePath is missing: the step needs a node");
        }
        return build.workspaces.peek();
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> only(Object arguments, String... known) {
        for (Object name : ((Map<String, Object>) arguments).keySet()) {
            if (!List.of(known).contains(name)) {
                throw new IllegalArgumentException("the step has no argument " + name);
            }
        }
        return (Map<String, Object>) arguments;
    }

    private static Object sh(Build build, Object first) throws IOException, InterruptedException {
        Map<String, Object> arguments = first instanceof Map ? only(first, "script", "label", "returnStatus")
                                                             : Map.of("script", String.valueOf(first));
        here(build);
        String script = String.valueOf(arguments.get("script"));
        Talk.tell("sh", "script", script, "home", build.homes.peek().toString());
        int code = Processes.run(build, script);
        if (Boolean.TRUE.equals(arguments.get("returnStatus"))) {
            return code;
        }
        if (code != 0) {
            throw new IllegalStateException("script returned exit code " + code);
        }
        return null;
    }

    private static Object input(Build build, Map<String, Object> arguments) {
        Talk.tell("input", "message", arguments.get("message"), "submitter", arguments.get("submitter"), "on_agent",
                  !build.workspaces.isEmpty());
        Map<String, Object> answer = Talk.next();
        if (!answer.containsKey("approve")) {
            build.takeAbort();
            throw new Interrupted("rejected");
        }
        return answer.get("approve");
    }

    private static Object archive(Build build, Map<String, Object> arguments) throws IOException {
        Path file = here(build).resolve(String.valueOf(arguments.get("artifacts")));
        if (Files.exists(file)) {
            Talk.tell("artifact", "name", file.getFileName().toString(), "text", Files.readString(file));
        } else if (!Boolean.TRUE.equals(arguments.get("allowEmptyArchive"))) {
            throw new IllegalStateException("No artifacts found that match " + arguments.get("artifacts"));
        }
        return null;
    }

    private static Object copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.list(from)) {
            for (Path file : (Iterable<Path>) files::iterator) {
                Files.copy(file, to.resolve(file.getFileName()), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
            }
        }
        return null;
    }

    // Blocks. Their bodies are run by the shim; here is what they put around them.

    private static Object enter(Build build, String name, Object argument) throws IOException {
        Map<String, String> environment = new HashMap<>(build.environments.peek());
        switch (name) {
            case "node": node(build, environment); break;
            case "withEnv": settings((List<?>) argument, environment); break;
            case "withCredentials": here(build); bind(build, (List<?>) argument, environment); break;
            case "timeout": only(argument, "time", "unit"); break;
            default: throw new IllegalStateException("no block: " + name);
        }
        build.environments.push(environment);
        return null;
    }

    private static Object leave(Build build, String name) {
        build.environments.pop();
        if (name.equals("node")) {
            build.workspaces.pop();
            build.homes.pop();
        }
        return null;
    }

    /** Every node is an agent that was never seen before, with an empty home and an empty workspace. */
    private static void node(Build build, Map<String, String> environment) throws IOException {
        Path agent = Files.createTempDirectory(Path.of(build.text("agents")), "agent-" + ++build.agents + "-");
        build.homes.push(Files.createDirectory(agent.resolve("home")));
        build.workspaces.push(Files.createDirectory(agent.resolve("workspace")));
        environment.put("WORKSPACE", build.workspaces.peek().toString());
        environment.put("NODE_NAME", agent.getFileName().toString());
    }

    private static void settings(List<?> settings, Map<String, String> environment) {
        for (Object one : settings) {
            String[] parts = String.valueOf(one).split("=", 2);
            environment.put(parts[0], parts[1]);
        }
    }

    private static void bind(Build build, List<?> bindings, Map<String, String> environment) throws IOException {
        for (Object one : bindings) {
            Map<String, Object> binding = only(one, "$class", "variable", "credentialsId");
            String secret = build.map("credentials").get(binding.get("credentialsId"));
            if (secret == null) {
                throw new IllegalStateException("Could not find credentials entry with ID '" + binding.get("credentialsId") + "'");
            }
            if (binding.get("$class").equals("FileBinding")) {
                secret = Files.writeString(Files.createTempFile(build.homes.peek(), "secret", ""), secret).toString();
            } else if (!binding.get("$class").equals("StringBinding")) {
                throw new IllegalStateException("no binding: " + binding);
            }
            environment.put((String) binding.get("variable"), secret);
        }
    }

    // The console, masked as by the credentials-binding plugin. The tests also see what was there before.

    private static Object lines(String text) {
        for (String line : text.split("\n", -1)) {
            console(line);
        }
        return null;
    }

    static void console(String line) {
        String masked = line;
        for (String secret : new LinkedHashMap<>(Build.current().map("credentials")).values()) {
            masked = masked.replace(secret, "****");
        }
        Talk.tell("console", "line", masked, "raw", line);
    }
}
