def call(List settings, Closure body) {
    enterBlock('withEnv', settings)
    try {
        return body()
    } finally {
        leaveBlock('withEnv')
    }
}
