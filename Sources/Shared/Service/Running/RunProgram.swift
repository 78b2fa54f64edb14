public import ArgumentParser
import Glibc

/// Parses the command line, runs the command it names, and ends the process with the right status.
///
/// Wrong usage exits 64 with the usage on standard error. An ``ExitStatusError`` exits with its status and one line.
/// Any other error exits 1. Help goes to standard output, 100 columns wide so that the settings table stays whole.
/// - Parameter arguments: The arguments; nil for those of the process.
public func runProgram(_ root: any ParsableCommand.Type, arguments: [String]? = nil) async -> Never {
    do {
        var command = try root.parseAsRoot(arguments)
        if var command = command as? any AsyncParsableCommand {
            try await command.run()
        } else {
            try command.run()
        }
        ExitStatus.done.exit()
    } catch {
        let ending = ProgramEnding(error, of: root)
        StandardStream.write(ending.text, to: ending.status == 0 ? STDOUT_FILENO : STDERR_FILENO)
        ExitStatus.exit(ending.status)
    }
}

/// How a program ends after an error: the status, and the text for whoever started it.
struct ProgramEnding {
    let status: Int32
    let text: String

    init(_ error: any Error, of root: any ParsableCommand.Type) {
        if let error = error as? any ExitStatusError {
            status = error.exitStatus.rawValue
            let line = SafeText.oneLine("\(error)", limit: 2000)
            text = line.isEmpty ? "" : "\(root._commandName): \(line)\n"
        } else {
            status = root.exitCode(for: error).rawValue
            // One more, because the parser also breaks lines that just fit.
            let message = root.fullMessage(for: error, columns: SettingsTable.width + 1)
            text = message.isEmpty || message.hasSuffix("\n") ? message : message + "\n"
        }
    }
}
