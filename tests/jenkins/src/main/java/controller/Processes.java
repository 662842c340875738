package controller;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** `sh`, as the durable-task plugin does it: a wrapper writes the exit code down, an abort is SIGTERM to all below it. */
final class Processes {
    private static final String WRAPPER = "\"$@\" >\"$LOG\" 2>&1; echo $? >\"$RESULT\"";

    private Processes() {}

    /** Gives the exit code. Each line of output is told as it comes. */
    static int run(Build build, String script) throws IOException, InterruptedException {
        Path folder = Files.createTempDirectory(build.workspaces.peek().getParent(), "durable-");
        Path file = Files.writeString(folder.resolve("script.sh"), script);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwx------"));
        List<String> command = script.startsWith("#!") ? List.of(file.toString()) : List.of("sh", "-xe", file.toString());
        ProcessBuilder builder = new ProcessBuilder("sh", "-c", WRAPPER, "sh");
        builder.command().addAll(command);
        builder.directory(build.workspaces.peek().toFile());
        builder.redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")));
        builder.redirectOutput(ProcessBuilder.Redirect.DISCARD).redirectError(ProcessBuilder.Redirect.DISCARD);
        Map<String, String> environment = builder.environment();
        environment.clear();
        environment.put("PATH", System.getenv("PATH"));
        environment.put("HOME", build.homes.peek().toString());
        environment.putAll(build.environments.peek());
        environment.put("RESULT", folder.resolve("result").toString());
        environment.put("LOG", Files.createFile(folder.resolve("log")).toString());
        Process process = builder.start();
        build.runs(process);
        follow(process, folder.resolve("log"));
        build.runs(null);
        return Integer.parseInt(Files.readString(folder.resolve("result")).trim());
    }

    /** The log is read until the wrapper ends, and no longer: what a program writes after that, Jenkins does not see. */
    private static void follow(Process process, Path log) throws IOException, InterruptedException {
        try (BufferedReader lines = Files.newBufferedReader(log)) {
            StringBuilder line = new StringBuilder();
            boolean ended;
            do {
                ended = process.waitFor(10, TimeUnit.MILLISECONDS);
                for (int c = lines.read(); c >= 0; c = lines.read()) {
                    if (c == '\n') {
                        Steps.console(line.toString());
                        line.setLength(0);
                    } else {
                        line.append((char) c);
                    }
                }
            } while (!ended);
            if (line.length() > 0) {
                Steps.console(line.toString());
            }
        }
    }

    /** Jenkins' ProcessTree: children first, the wrapper itself not. */
    static void interrupt(Process wrapper) {
        wrapper.descendants().sorted((a, b) -> Long.compare(b.pid(), a.pid())).forEach(ProcessHandle::destroy);
    }
}
