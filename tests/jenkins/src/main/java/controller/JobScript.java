package controller;

import com.cloudbees.groovy.cps.Continuable;
import com.cloudbees.groovy.cps.SerializableScript;
import groovy.lang.GroovyClassLoader;
import groovy.lang.Script;
import java.io.Serializable;
import org.codehaus.groovy.runtime.InvokerHelper;

/** Base of Jenkinsfiles and of the library's vars: a call that is no method is a var of the library, or a step. */
public abstract class JobScript extends SerializableScript {
    private static final long serialVersionUID = 1L;
    static GroovyClassLoader loader;

    /** What a step is to the pipeline: a place where it stops, is written to disk, and goes on later. */
    public static final class Call implements Serializable {
        private static final long serialVersionUID = 1L;
        final String name;
        final Object[] arguments;

        Call(String name, Object[] arguments) {
            this.name = name;
            this.arguments = arguments;
        }
    }

    @Override
    public Object invokeMethod(String name, Object arguments) {
        Object[] all = InvokerHelper.asArray(arguments);
        if (Steps.NAMES.contains(name)) {
            return Continuable.suspend(name, new Call(name, all));
        }
        if (!getMetaClass().respondsTo(this, name, all).isEmpty()) {
            return super.invokeMethod(name, arguments);
        }
        return InvokerHelper.invokeMethod(var(name), "call", all);
    }

    private Script var(String name) {
        try {
            if (loader.getResource(name + ".groovy") == null) {
                throw new IllegalStateException("No such DSL method '" + name + "'");
            }
            Script script = (Script) loader.loadClass(name).getDeclaredConstructor().newInstance();
            script.setBinding(getBinding());
            return script;
        } catch (ReflectiveOperationException broken) {
            throw new IllegalStateException(name + ": " + broken, broken);
        }
    }
}
