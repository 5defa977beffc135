import signal

IGNORED_BY_LAUNCHERS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM)


def take_over_ignored_signals() -> None:
    """Let the programs that are started here begin with ordinary signals, however this process was started.

    `nohup`, and a shell that starts something in the background, ignore some; a program that inherits that could not
    even trap them. This process goes on ignoring them, by a handler, which a program does not inherit. Of children that
    nobody may wait for (SIGCHLD ignored) no exit code would be known.
    """
    for number in IGNORED_BY_LAUNCHERS:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda _number, _frame: None)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
