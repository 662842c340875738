def call(List bindings, Closure body) {
    enterBlock('withCredentials', bindings)
    try {
        return body()
    } finally {
        leaveBlock('withCredentials')
    }
}
