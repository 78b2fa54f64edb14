import ArgumentParser

/// The settings that a command line gives as flags, taken out of it before the command is parsed: a setting is declared
/// once, in the table, and every command takes its flag.
struct SettingFlags {
    /// The texts, by the environment name of their setting; of a flag that is given twice, the last.
    private(set) var values: [String: String] = [:]
    /// What the command has to make sense of.
    private(set) var rest: [String] = []

    /// Takes `--flag value` and `--flag=value`, up to a `--`.
    /// - Throws: `ValidationError` for a flag without its value.
    init(_ arguments: [String], settings: [AnySetting]) throws {
        let flags = settings.compactMap { setting in setting.flag.map { ($0, setting.name) } }
        let names = Dictionary(flags) { $1 }
        var arguments = arguments[...]
        while let argument = arguments.popFirst() {
            if argument == "--" {
                rest += [argument] + arguments
                return
            }
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = parts.first.flatMap({ names[String($0)] }) else {
                rest.append(argument)
                continue
            }
            if parts.count == 2 {
                values[name] = String(parts[1])
            } else if let value = arguments.first, !value.hasPrefix("--") {
                values[name] = arguments.removeFirst()
            } else {
                throw ValidationError("Missing value for '\(argument)', the flag of \(name)")
            }
        }
    }
}
