import ArgumentParser
import Postgres
import Service

/// What every recorded act takes.
struct ActFlags: ParsableArguments {
    @Option(help: "Why it is done; kept with who did it and when.") var reason: String?
    @Flag(help: "Do it; without this the rows are only counted.") var yes = false
    @OptionGroup var flags: RelayFlags

    /// Ends a command that was not told to do it.
    static let notToldTo = CommandExit(.no, "nothing done: repeat with --yes")
}
