package controller;

import com.cloudbees.groovy.cps.Continuable;
import com.cloudbees.groovy.cps.CpsTransformer;
import com.cloudbees.groovy.cps.NonCPS;
import com.cloudbees.groovy.cps.ObjectInputStreamWithLoader;
import com.cloudbees.groovy.cps.Outcome;
import com.lesfurets.jenkins.unit.global.lib.Library;
import groovy.lang.Binding;
import groovy.lang.GroovyClassLoader;
import groovy.lang.GroovyCodeSource;
import groovy.lang.Script;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import org.codehaus.groovy.control.CompilerConfiguration;
import org.codehaus.groovy.control.customizers.ImportCustomizer;

/** Runs a Jenkinsfile as Jenkins does. At every step the program is written, read back, and the copy goes on. */
final class CpsEngine {
    private final GroovyClassLoader loader;

    CpsEngine(Build build) {
        CompilerConfiguration configuration = new CompilerConfiguration();
        configuration.setScriptBaseClass(JobScript.class.getName());
        ImportCustomizer imports = new ImportCustomizer();
        imports.addImport("Library", Library.class.getName());
        imports.addImport("NonCPS", NonCPS.class.getName());
        configuration.addCompilationCustomizers(imports, new CpsTransformer());
        loader = new GroovyClassLoader(CpsEngine.class.getClassLoader(), configuration);
        for (String root : new String[] {build.text("library"), build.text("shim")}) {
            loader.addClasspath(root + "/src");
            loader.addClasspath(root + "/vars");
        }
        JobScript.loader = loader;
    }

    void run(Build build, Binding binding) throws Throwable {
        Class<?> type = loader.parseClass(new GroovyCodeSource(new File(build.text("jenkinsfile"))), false);
        Script script = (Script) type.getDeclaredConstructor().newInstance();
        script.setBinding(binding);
        Continuable program = new Continuable(script);
        Outcome next = new Outcome(null, null);
        while (true) {
            Outcome stopped = program.run0(next, Continuable.categories);
            if (!(stopped.isSuccess() && stopped.getNormal() instanceof JobScript.Call)) {
                stopped.replay();
                return;
            }
            JobScript.Call call = (JobScript.Call) stopped.getNormal();
            program = readBack(program, call.name);
            next = outcome(call);
        }
    }

    private static Outcome outcome(JobScript.Call call) {
        try {
            return new Outcome(Steps.run(call.name, call.arguments), null);
        } catch (RuntimeException failed) {
            return new Outcome(null, failed);
        }
    }

    private Continuable readBack(Continuable program, String step) throws ClassNotFoundException {
        ByteArrayOutputStream written = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(written)) {
            out.writeObject(program);
        } catch (IOException broken) {
            throw new IllegalStateException("the pipeline cannot be written to disk at the step " + step + ": " + broken, broken);
        }
        try (ObjectInputStream in =
                 new ObjectInputStreamWithLoader(new ByteArrayInputStream(written.toByteArray()), loader)) {
            Continuable read = (Continuable) in.readObject();
            Talk.tell("saved", "step", step, "bytes", written.size());
            return read;
        } catch (IOException broken) {
            throw new IllegalStateException("the pipeline cannot be read back at the step " + step + ": " + broken, broken);
        }
    }
}
