package controller;

import groovy.lang.Binding;
import java.util.HashMap;
import java.util.Map;

/** Runs one Jenkinsfile after the other, as it is asked to by lines on stdin. */
public final class Main {
    private Main() {}

    public static void main(String[] arguments) {
        Talk.listen();
        while (true) {
            Map<String, Object> asked = Talk.next();
            if (asked.containsKey("jenkinsfile")) {
                run(new Build(asked));
            }
        }
    }

    private static void run(Build build) {
        String cause = null;
        try {
            Binding binding = new Binding();
            binding.setVariable("params", new HashMap<>(build.map("params")));
            binding.setVariable("env", new Build.Environment());
            binding.setVariable("currentBuild", new Build.Handle());
            binding.setVariable("scm", "the repository of the job");
            if (build.text("engine").equals("cps")) {
                new CpsEngine(build).run(build, binding);
            } else {
                new UnitEngine(build).run(build, binding);
            }
        } catch (Throwable failed) {
            boolean interrupted = false;
            cause = "";
            for (Throwable one = failed; one != null; one = one.getCause()) {
                interrupted |= one instanceof Interrupted;
                cause += one + "\n";
            }
            build.worsen(interrupted ? "ABORTED" : "FAILURE");
            failed.printStackTrace();
        }
        Talk.tell("end", "result", build.result, "description", build.description, "cause", cause, "agents", build.agents,
                  "open_blocks", build.environments.size() - 1);
    }
}
