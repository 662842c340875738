package controller;

import static com.lesfurets.jenkins.unit.MethodSignature.method;

import com.lesfurets.jenkins.unit.BasePipelineTest;
import com.lesfurets.jenkins.unit.PipelineTestHelper;
import com.lesfurets.jenkins.unit.global.lib.LibraryConfiguration;
import com.lesfurets.jenkins.unit.global.lib.SourceRetriever;
import groovy.lang.Binding;
import groovy.lang.Closure;
import java.io.File;
import java.net.MalformedURLException;
import java.util.List;
import java.util.Map;

/** Runs a Jenkinsfile in jenkins-pipeline-unit, with the real steps in place of its mocks. */
final class UnitEngine {
    private final PipelineTestHelper helper;

    UnitEngine(Build build) {
        helper = new BasePipelineTest() {}.getHelper();
        File file = new File(build.text("jenkinsfile"));
        helper.setScriptRoots(new String[] {file.getParent()});
        helper.setScriptExtension("");
        helper.setBaseScriptRoot(file.getParent());
        helper.setBaseClassloader(UnitEngine.class.getClassLoader());
        helper.registerSharedLibrary(library("sluice", build.text("library"), false));
        helper.registerSharedLibrary(library("shim", build.text("shim"), true));
        step("sh", Map.class);
        step("sh", String.class);
        step("echo", String.class);
        step("error", String.class);
        step("input", Map.class);
        step("archiveArtifacts", Map.class);
        step("readFile", String.class);
        step("checkout", Object.class);
        step("enterBlock", String.class, Object.class);
        step("leaveBlock", String.class);
        step("declared", String.class, Object.class);
        helper.init();
    }

    void run(Build build, Binding binding) {
        helper.runScript(new File(build.text("jenkinsfile")).getName(), binding);
    }

    private static LibraryConfiguration library(String name, String folder, boolean implicit) {
        LibraryConfiguration library = new LibraryConfiguration();
        library.setName(name);
        library.setDefaultVersion("here");
        library.setTargetPath("unused");
        library.setImplicit(implicit);
        library.setRetriever(new SourceRetriever() {
            @Override
            public List retrieve(String repository, String branch, String targetPath) {
                try {
                    return List.of(new File(folder).toURI().toURL());
                } catch (MalformedURLException never) {
                    throw new IllegalStateException(never);
                }
            }
        });
        return library;
    }

    private void step(String name, Class<?>... types) {
        helper.registerAllowedMethod(method(name, types), new Closure<Object>(this) {
            private static final long serialVersionUID = 1L;

            @Override
            public int getMaximumNumberOfParameters() {
                return types.length;
            }

            @Override
            public Object call(Object... arguments) {
                return Steps.run(name, arguments);
            }
        });
    }
}
