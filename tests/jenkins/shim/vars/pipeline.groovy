import shim.Pipeline

/** The declarative words that our Jenkinsfiles use, and no others. */
def call(Closure body) {
    Pipeline read = new Pipeline()
    read.read(body)
    declared('options', read.options)
    declared('parameters', read.parameters)
    for (int i = 0; i < read.stages.size(); i++) {
        Map stage = read.stages[i]
        if (read.options.contains('skipStagesAfterUnstable') && currentBuild.currentResult == 'UNSTABLE') {
            declared('skipped', stage.name)
        } else if (stage.condition != null && !inScript(stage.condition)) {
            declared('skipped', stage.name)
        } else {
            declared('stage', stage.name)
            inScript(stage.steps)
        }
    }
}

def inScript(Closure body) {
    body.delegate = this
    body.resolveStrategy = Closure.DELEGATE_ONLY
    return body()
}
