package sluice

import com.cloudbees.groovy.cps.NonCPS
import groovy.json.JsonSlurperClassic

/** Texts and lists without a step in between. Nothing here is ever written to disk in the middle. */
class Text implements Serializable {
    private static final long serialVersionUID = 1L

    private static final Map KNOWN = [
        app: 'name of the app, for the question', to: 'environment', release: 'number, id, tag or digest',
        target: 'only this target', via: 'road', allowDigestChange: 'an engine may push another image', approve: 'ask first', approveWithin: 'hours', submitter: 'who may say yes',
        fixTriggers: 'write triggers', wait: 'for others at work', takeOver: 'do not wait', promotion: 'id for resume',
        agent: 'label', checkout: 'sources of the job', credentials: 'variable: id of a secret text',
        files: 'variable: id of a secret file', pipeline: 'sluice.yaml', clusters: 'clusters file', state: 'records',
        progress: 'auto, plain or none', program: 'sluice',
    ]

    private static final Map WORDS = [
        0: 'done', 1: 'failed', 2: 'wrong call or configuration', 3: 'waiting', 4: 'partial', 5: 'rolled back',
        6: 'not allowed', 7: 'worth a retry', 127: 'sluice is not on the agent', 130: 'interrupted', 137: 'killed', 143: 'interrupted',
    ]

    /** A misspelt argument must not be ignored: approve: false would be the worst one to lose. */
    @NonCPS
    static Map checked(String step, Map arguments, List required) {
        for (Object name : arguments.keySet()) {
            if (!KNOWN.containsKey(name.toString())) {
                throw new IllegalArgumentException("${step}: there is no argument ${name}; there are: ${KNOWN.keySet().join(', ')}")
            }
        }
        for (String name : required) {
            if (!arguments[name]) {
                throw new IllegalArgumentException("${step}: the argument ${name} is missing")
            }
        }
        return new LinkedHashMap(arguments)
    }

    @NonCPS
    static String word(int code) {
        return WORDS[code] ?: "exit code ${code}".toString()
    }

    /** The command and those of its options that were given. An empty job parameter is none. */
    @NonCPS
    static List words(String command, Map options, List names) {
        List words = [options.program ?: 'sluice', command]
        for (String name : names) {
            if (options[name]) {
                // One word: a value that begins with a dash stays a value.
                words.add("--${name}=${options[name]}".toString())
            }
        }
        if (options.allowDigestChange && command in ['plan', 'promote']) {
            words.add('--allow-digest-change')
        }
        return words
    }

    @NonCPS
    static List waiting(Map options) {
        if (options.takeOver) {
            return ['--take-over']
        }
        if (options.wait) {
            return [options.wait == true ? '--wait' : "--wait=${options.wait}".toString()]
        }
        return []
    }

    /**
     * A shell script that becomes the command. With `exec` Jenkins waits for sluice itself when a build is aborted: a shell
     * in between would end at once, and the build with it, while sluice still writes down how far it came.
     * The first line keeps Jenkins from echoing the rest.
     */
    @NonCPS
    static String script(List words, String redirections) {
        List quoted = []
        for (Object word : words) {
            quoted.add(quote(word.toString()))
        }
        return '#!/bin/sh\nexec ' + quoted.join(' ') + ' ' + redirections + '\n'
    }

    @NonCPS
    static String quote(String word) {
        return "'" + word.replace("'", "'\\''") + "'"
    }

    /** Job variables, which sluice reads itself. Those that Jenkins already has stay as they are. */
    @NonCPS
    static List settings(Map options) {
        List settings = []
        for (String name : ['pipeline', 'clusters', 'state', 'progress']) {
            if (options[name]) {
                settings.add("SLUICE_${name.toUpperCase()}=${options[name]}".toString())
            }
        }
        return settings
    }

    @NonCPS
    static List bindings(Map options) {
        List bindings = []
        for (Map.Entry one : (options.credentials ?: [:]).entrySet()) {
            bindings.add([$class: 'StringBinding', variable: one.key.toString(), credentialsId: one.value.toString()])
        }
        for (Map.Entry one : (options.files ?: [:]).entrySet()) {
            bindings.add([$class: 'FileBinding', variable: one.key.toString(), credentialsId: one.value.toString()])
        }
        return bindings
    }

    /** Classic: its maps are plain ones, which Jenkins can write to disk. An interrupted program may have left nothing. */
    @NonCPS
    static Map parse(String text) {
        if (!text?.trim()) {
            return [:]
        }
        try {
            return (Map) new JsonSlurperClassic().parseText(text)
        } catch (groovy.json.JsonException ignored) {
            return [:]
        }
    }

    @NonCPS
    static String question(Map options, String plan) {
        return "Promote ${options.app ?: 'this'} to ${options.to}?\n\n${plan}".toString()
    }

    /** Why, in one sentence: of an error, a failure, or the first blocker. */
    @NonCPS
    static String cause(Map document) {
        if (document.error) {
            return document.error.message
        }
        if (document.failure) {
            return document.failure
        }
        List findings = new ArrayList(document.findings ?: [])
        for (Object target : document.targets ?: []) {
            findings.addAll(target.findings ?: [])
        }
        for (Object finding : findings) {
            if (finding.severity == 'blocker') {
                return finding.sentence
            }
        }
        return ''
    }
}
