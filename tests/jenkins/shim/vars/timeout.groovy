def call(Map arguments, Closure body) {
    enterBlock('timeout', arguments)
    try {
        return body()
    } finally {
        leaveBlock('timeout')
    }
}
