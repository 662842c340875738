package sluice

/**
 * One command of sluice in a Jenkins job: an agent, the credentials, the call, the archive, the result of the build.
 *
 * The state between two steps is written to disk by Jenkins, so all fields are serializable and everything that is not
 * stays inside of @NonCPS methods in Text.
 */
class Job implements Serializable {
    private static final long serialVersionUID = 1L

    final Object steps
    final Map options

    Job(Object steps, Map options) {
        this.steps = steps
        this.options = options
    }

    /** Plan, approval, promotion. The agent is given back while people think. */
    Map promote() {
        List words = Text.words('promote', options, ['to', 'release', 'target', 'via'])
        if (options.fixTriggers) {
            words.add('--fix-triggers')
        }
        if (options.approve == false) {
            words.add('--yes')
            return act('promote', words)
        }
        if (options.fixTriggers) {
            // A plan with a trigger that is missing is blocked, and `plan` has no word for writing it.
            steps.error('sluicePromote: fixTriggers goes with approve: false only')
        }
        Map plan = plan()
        if (plan.blocked) {
            return plan
        }
        // Nothing to approve when nothing changes; the hash says so to promote as well.
        String approver = plan.document.changes ? ask(Text.question(options, plan.text)) : ''
        words.add('--plan')
        words.add(plan.document.plan)
        Map done = act('promote', words)
        done.approver = approver
        return done
    }

    /** The plan as people read it goes to the console, the document to the archive. Both have one hash. */
    Map plan() {
        List words = Text.words('plan', options, ['to', 'release', 'target', 'via'])
        Map seen = [:]
        onAgent {
            seen.putAll(document('plan', words))
            if (seen.document.plan) {
                seen.text = text('plan', words, seen.document.plan)
                steps.echo(seen.text)
            }
        }
        return judge('plan', seen)
    }

    Map status() {
        Map seen = [:]
        onAgent {
            seen.putAll(document('status', Text.words('status', options, [])))
            if (seen.document.environments) {
                steps.echo(text('status', Text.words('status', options, []), ''))
            }
        }
        if (seen.code in [6, 7] && seen.document.environments) {
            // A look that sees a part fails nothing that was done before it.
            steps.echo('status: not everything was seen')
            steps.currentBuild.result = 'UNSTABLE'
            return seen
        }
        return judge('status', seen)
    }

    Map rollback() {
        if (options.approve) {
            status()
            ask("Bring back what stood verified in ${options.to} before?".toString())
        }
        return act('rollback', Text.words('rollback', options, ['to', 'release', 'target']) + ['--yes'])
    }

    /** Ends a promotion that another build, perhaps on another agent, left unfinished. */
    Map resume() {
        List words = Text.words('resume', options, ['target']) + ['--yes']
        if (options.promotion) {
            words.add(options.promotion.toString())
        }
        return act('resume', words)
    }

    /** A command that writes: on an agent, its document archived also when the build is aborted. */
    private Map act(String command, List words) {
        List all = words + Text.waiting(options)
        Map seen = [:]
        steps.currentBuild.description = "${what(command)}: begun".toString() // what stays there when the build is aborted
        onAgent {
            seen.putAll(document(command, all))
        }
        return judge(command, seen)
    }

    private String ask(String question) {
        String approver = ''
        steps.timeout(time: options.approveWithin ?: 24, unit: 'HOURS') {
            Map arguments = [message: question, ok: 'Go ahead', submitterParameter: 'APPROVER']
            if (options.submitter) {
                arguments.submitter = options.submitter
            }
            approver = steps.input(arguments)
        }
        steps.echo("approved by ${approver}".toString())
        return approver
    }

    /** An agent with the checkout, the settings and the credentials of this job. */
    private void onAgent(Closure body) {
        steps.node(options.agent ?: 'sluice') {
            if (options.checkout != false) {
                steps.checkout(steps.scm)
            }
            List bindings = Text.bindings(options)
            steps.withEnv(Text.settings(options)) {
                if (bindings) {
                    steps.withCredentials(bindings) {
                        body()
                    }
                } else {
                    body()
                }
            }
        }
    }

    /** Runs it with -o json. What happens goes to the console, the document to the archive. */
    private Map document(String command, List words) {
        String file = "sluice-${command}.json".toString()
        try {
            int code = steps.sh(returnStatus: true, script: Text.script(words + ['-o', 'json'], "> ${file}".toString()))
            return [code: code, document: Text.parse(steps.readFile(file))]
        } finally {
            // Also when the build is aborted: the document says how far it came.
            steps.archiveArtifacts(artifacts: file, allowEmptyArchive: true)
        }
    }

    /** The same for people. Errors were told by the call before, so that no line comes twice. */
    private String text(String command, List words, String hash) {
        String file = "sluice-${command}.txt".toString()
        steps.sh(returnStatus: true, script: Text.script(words, "> ${file} 2>/dev/null".toString()))
        String shown = steps.readFile(file)
        if (!shown.contains(hash)) {
            steps.error("sluice ${command}: something changed while it was looked at; start the job again".toString())
        }
        return shown
    }

    private String what(String command) {
        return options.to ? "${command} to ${options.to}".toString() : command
    }

    /** The result of the build follows the exit code. Gives back what was seen. */
    private Map judge(String command, Map seen) {
        String word = Text.word(seen.code)
        String line = "${what(command)}: ${word}".toString()
        String cause = Text.cause(seen.document)
        if (cause) {
            line = "${line}: ${cause}".toString()
        }
        seen.word = word
        seen.blocked = seen.code == 3
        if (command != 'status' || seen.code != 0) {
            steps.currentBuild.description = line // a look at the end does not hide what was done
        }
        if (seen.blocked) {
            // Not a failure of anybody: it goes on when the hold is lifted, or what blocks it is mended.
            steps.echo(line)
            steps.currentBuild.result = 'UNSTABLE'
        } else if (seen.code != 0) {
            steps.error("sluice ${line}".toString())
        }
        return seen
    }
}
