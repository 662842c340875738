package shim

/** Reads pipeline { }. Each level knows its words; any other is an error, since nobody here could say what it does. */
class Pipeline implements Serializable {
    private static final long serialVersionUID = 1L
    String level = 'pipeline'
    List options = []
    List parameters = []
    List stages = []
    Map stage
    final String none = 'none'

    def read(Closure body) {
        body.delegate = this
        body.resolveStrategy = Closure.DELEGATE_ONLY
        body()
        if (!stages) {
            throw new IllegalStateException('pipeline: there are no stages')
        }
    }

    private def inside(String name, String expected, Closure body) {
        at(name, expected)
        level = name
        body.delegate = this
        body.resolveStrategy = Closure.DELEGATE_ONLY
        body()
        level = expected
    }

    private void at(String word, String expected) {
        if (level != expected) {
            throw new IllegalStateException("the declarative shim does not know ${word} in ${level}".toString())
        }
    }

    def agent(String what) { at('agent', 'pipeline') }

    def options(Closure body) { inside('options', 'pipeline', body) }

    def disableConcurrentBuilds() {
        at('disableConcurrentBuilds', 'options')
        options.add('disableConcurrentBuilds')
    }

    def skipStagesAfterUnstable() {
        at('skipStagesAfterUnstable', 'options')
        options.add('skipStagesAfterUnstable')
    }

    def parameters(Closure body) { inside('parameters', 'pipeline', body) }

    def choice(Map arguments) {
        at('choice', 'parameters')
        parameters.add(arguments)
    }

    def string(Map arguments) {
        at('string', 'parameters')
        parameters.add(arguments)
    }

    def stages(Closure body) { inside('stages', 'pipeline', body) }

    def stage(String name, Closure body) {
        stage = [name: name]
        inside('stage', 'stages', body)
        if (stage.steps == null) {
            throw new IllegalStateException("stage ${name}: there are no steps".toString())
        }
        stages.add(stage)
    }

    def when(Closure body) { inside('when', 'stage', body) }

    def expression(Closure body) {
        at('expression', 'when')
        stage.condition = body
    }

    def steps(Closure body) {
        at('steps', 'stage')
        stage.steps = body
    }
}
