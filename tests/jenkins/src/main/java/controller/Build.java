package controller;

import groovy.lang.GroovyObjectSupport;
import java.io.Serializable;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** One run of a Jenkinsfile: its settings, the blocks it stands in, its result. */
final class Build {
    private static volatile Build current;

    final Map<String, Object> asked;
    final Deque<Map<String, String>> environments = new ArrayDeque<>();
    final Deque<Path> workspaces = new ArrayDeque<>();
    final Deque<Path> homes = new ArrayDeque<>();
    String result = "SUCCESS";
    String description;
    int agents;
    private boolean aborted;
    private Process running;

    Build(Map<String, Object> asked) {
        this.asked = asked;
        current = this;
        environments.push(new HashMap<>(map("environment")));
    }

    static Build current() {
        return current;
    }

    String text(String name) {
        return (String) asked.get(name);
    }

    @SuppressWarnings("unchecked")
    Map<String, String> map(String name) {
        return (Map<String, String>) asked.getOrDefault(name, Map.of());
    }

    /** A result can only get worse, as in Jenkins. */
    void worsen(String to) {
        List<String> order = List.of("SUCCESS", "UNSTABLE", "FAILURE", "NOT_BUILT", "ABORTED");
        if (order.indexOf(to) < 0) {
            throw new IllegalArgumentException("no result of a build: " + to);
        }
        if (order.indexOf(to) > order.indexOf(result)) {
            result = to;
        }
    }

    // Abort, which comes from another thread.

    synchronized void abort() {
        aborted = true;
        if (running != null) {
            Talk.tell("console", "line", "Sending interrupt signal to process", "raw", "");
            Processes.interrupt(running);
        }
    }

    synchronized boolean takeAbort() {
        boolean was = aborted;
        aborted = false;
        return was;
    }

    synchronized void runs(Process process) {
        running = process;
        if (process != null && aborted) {
            Processes.interrupt(process);
        }
    }

    /** `env` of a Jenkinsfile. */
    public static final class Environment extends GroovyObjectSupport implements Serializable {
        private static final long serialVersionUID = 1L;

        @Override
        public Object getProperty(String name) {
            return current.environments.peek().get(name);
        }
    }

    /** `currentBuild`. */
    public static final class Handle implements Serializable {
        private static final long serialVersionUID = 1L;

        public String getResult() {
            return current.result.equals("SUCCESS") ? null : current.result;
        }

        public String getCurrentResult() {
            return current.result;
        }

        public void setResult(String to) {
            current.worsen(to);
        }

        public String getDescription() {
            return current.description;
        }

        public void setDescription(String to) {
            current.description = to;
        }
    }
}
