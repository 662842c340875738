package controller;

import groovy.json.JsonOutput;
import groovy.json.JsonSlurperClassic;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/** Lines of JSON: what the tests ask for comes in, what happens goes out. */
final class Talk {
    private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    private static final BlockingQueue<Map<String, Object>> ASKED = new LinkedBlockingQueue<>();

    private Talk() {}

    /** Reads in a thread of its own, since an abort comes in the middle of a step. */
    @SuppressWarnings("unchecked")
    static void listen() {
        System.setOut(System.err); // the kits print; what they print is no event
        Thread reader = new Thread(() -> {
            try (BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
                for (String line = in.readLine(); line != null; line = in.readLine()) {
                    Map<String, Object> one = (Map<String, Object>) new JsonSlurperClassic().parseText(line);
                    if (one.containsKey("abort")) {
                        Build.current().abort();
                    }
                    ASKED.add(one);
                }
            } catch (IOException broken) {
                System.err.println(broken);
            }
            System.exit(0); // the test is gone
        });
        reader.setDaemon(true);
        reader.start();
    }

    static Map<String, Object> next() {
        try {
            return ASKED.take();
        } catch (InterruptedException never) {
            throw new IllegalStateException(never);
        }
    }

    static synchronized void tell(String event, Object... members) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("event", event);
        for (int i = 0; i < members.length; i += 2) {
            line.put((String) members[i], members[i + 1]);
        }
        OUT.println(JsonOutput.toJson(line));
    }
}
