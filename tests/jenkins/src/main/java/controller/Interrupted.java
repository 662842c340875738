package controller;

/** What Jenkins throws into a pipeline that is aborted, or whose approval is refused. */
public final class Interrupted extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public Interrupted(String cause) {
        super(cause);
    }
}
