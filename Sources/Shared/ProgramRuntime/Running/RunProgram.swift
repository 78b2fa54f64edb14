public import ArgumentParser
import Glibc

/// Parses the command line, runs the command it names, and ends the process with the right status.
///
/// Wrong usage exits 64 with the usage on standard error. An ``ExitStatusError`` exits with its status and one line.
/// Any other error exits 1. Help goes to standard output, 100 columns wide so that the settings table stays whole.
/// - Parameters:
///   - settings: All settings of the program; every command takes their flags, and reads them by
///     ``SettingsReader/current``.
///   - arguments: The arguments; nil for those of the process.
public func runProgram(
    _ root: any ParsableCommand.Type, settings: [AnySetting], arguments: [String]? = nil
) async -> Never {
    let arguments = arguments ?? Array(CommandLine.arguments.dropFirst())
    do {
        let flags = try SettingFlags(arguments, settings: settings)
        try CommandWords.check(flags.rest, of: root)
        let reader = SettingsReader(flags: flags.values, table: settings)
        try await SettingsReader.$current.withValue(reader) { try await run(try root.parseAsRoot(flags.rest)) }
        ExitStatus.done.exit()
    } catch {
        let ending = ProgramEnding(error, of: root, arguments: arguments, settings: settings)
        StandardStream.write(ending.text, to: ending.status == 0 ? STDOUT_FILENO : STDERR_FILENO)
        ExitStatus.exit(ending.status)
    }
}

private func run(_ command: any ParsableCommand) async throws {
    var command = command
    if var command = command as? any AsyncParsableCommand {
        try await command.run()
    } else {
        try command.run()
    }
}

/// How a program ends after an error: the status, and the text for whoever started it.
struct ProgramEnding {
    let status: Int32
    let text: String

    init(
        _ error: any Error, of root: any ParsableCommand.Type, arguments: [String] = [], settings: [AnySetting] = []
    ) {
        if let error = error as? any ExitStatusError {
            status = error.exitStatus.rawValue
            let line = SafeText.oneLine("\(error)", limit: 2000)
            text = line.isEmpty ? "" : "\(root._commandName): \(line)\n"
        } else {
            status = root.exitCode(for: error).rawValue
            // One more, because the parser also breaks lines that just fit.
            let message = root.fullMessage(for: error, columns: SettingsTable.width + 1)
            let whole = message.isEmpty || message.hasSuffix("\n") ? message : message + "\n"
            text = status == 0 ? whole : Self.harmless(Self.flagMeant(arguments, settings, whole) + whole)
        }
    }

    /// The parser knows the flags of the command alone, so a mistyped flag of a setting is answered here.
    private static func flagMeant(_ arguments: [String], _ settings: [AnySetting], _ message: String) -> String {
        let flags = settings.compactMap(\.flag)
        for argument in arguments where argument.hasPrefix("--") && argument.count > 2 {
            let name = String(argument.prefix { $0 != "=" })
            guard message.contains("Unknown option '\(name)'") else { continue }
            if let meant = Spelling.nearest(to: name, in: flags) { return "Did you mean \(meant)?\n" }
        }
        return ""
    }

    /// The parser repeats what it was given.
    private static func harmless(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { SafeText.oneLine(String($0), limit: 1000) }
            .joined(separator: "\n")
    }
}
