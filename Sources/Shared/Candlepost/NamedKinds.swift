import Postgres
import ProgramRuntime
import Records
import Schema

/// Kinds that a command line or a setting names and the program does not bring along: the database knows them, and is asked before
/// the names are held against those that there are.
public enum NamedKinds {
    private static let settings = ["WRITER_KINDS", "RECORD_REVISIONS", "RECORD_RETENTION"]
    private static let flags = ["--kind", "--kinds", "--record-revisions", "--record-retention"]

    /// Asks where that is needed. A database that can't be asked is left alone: then such a name is refused as unknown.
    public static func learn() async {
        let environment = SettingsReader.processEnvironment
        guard areNamed(CommandLine.arguments, environment),
            let configuration = try? SettingsReader().database(applicationName: "candlepost command"),
            let connection = try? await Database.connect(configuration, logger: Program.quietLogger)
        else { return }
        await connection.close()
    }

    /// Whether there is a name that looks like a kind's and is none of those that are known. `feed` and `check` are about all kinds.
    static func areNamed(_ arguments: [String], _ environment: [String: String]) -> Bool {
        if let command = arguments.dropFirst().first, ["feed", "check"].contains(command) { return true }
        var texts = settings.compactMap { environment[$0] }
        for (word, next) in zip(arguments, arguments.dropFirst() + [""]) {
            if flags.contains(word) { texts.append(next) }
            for flag in flags where word.hasPrefix(flag + "=") { texts.append(String(word.dropFirst(flag.count + 1))) }
        }
        return texts.contains { text in
            text.split { !$0.isLetter && !$0.isNumber }.contains { word in
                word.first?.isUppercase == true && RecordKind.named(String(word)) == nil
            }
        }
    }
}
