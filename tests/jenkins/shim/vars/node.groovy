def call(String label, Closure body) {
    enterBlock('node', label)
    try {
        return body()
    } finally {
        leaveBlock('node')
    }
}
