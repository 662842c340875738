package controller;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;

/** `sh`, as the durable-task plugin does it: a wrapper writes the exit code down, an abort is SIGTERM to all below it. */
final class Processes {
    private static final String WRAPPER = "\"$@\"; echo $? >\"$RESULT\"";

    private Processes() {}

    /** Gives the exit code. Each line of output is told as it comes. */
    static int run(Build build, String script) throws IOException, InterruptedException {
        Path folder = Files.createTempDirectory(build.workspaces.peek().getParent(), "durable-");
        Path file = Files.writeString(folder.resolve("script.sh"), script);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwx------"));
        List<String> command = script.startsWith("#!") ? List.of(file.toString()) : List.of("sh", "-xe", file.toString());
        ProcessBuilder builder = new ProcessBuilder("sh", "-c", WRAPPER, "sh");
        builder.command().addAll(command);
        builder.directory(build.workspaces.peek().toFile()).redirectErrorStream(true);
        builder.redirectInput(ProcessBuilder.Redirect.from(new java.io.File("/dev/null")));
        Map<String, String> environment = builder.environment();
        environment.clear();
        environment.put("PATH", System.getenv("PATH"));
        environment.put("HOME", build.homes.peek().toString());
        environment.putAll(build.environments.peek());
        environment.put("RESULT", folder.resolve("result").toString());
        Process process = builder.start();
        build.runs(process);
        try (BufferedReader out =
                 new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = out.readLine(); line != null; line = out.readLine()) {
                Steps.console(line);
            }
        }
        process.waitFor();
        build.runs(null);
        return Integer.parseInt(Files.readString(folder.resolve("result")).trim());
    }

    /** Jenkins' ProcessTree: children first, the wrapper itself not. */
    static void interrupt(Process wrapper) {
        wrapper.descendants().sorted((a, b) -> Long.compare(b.pid(), a.pid())).forEach(ProcessHandle::destroy);
    }
}
