import ArgumentParser
import Glibc
import Postgres
import ProgramRuntime

/// What every recorded act takes.
struct ActFlags: ParsableArguments {
    @Option(help: "Why it is done; kept with who did it and when.") var reason: String?
    @Flag(help: "Do it; without this the rows are only counted.") var yes = false

    /// Counting is what was asked for, so it is done.
    static func sayNothingDone() { StandardStream.write("relay: nothing done: repeat with --yes\n", to: STDERR_FILENO) }
}
