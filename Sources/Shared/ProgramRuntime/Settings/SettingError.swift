/// A setting is wrong: one line that names it, says what it is, and what it may be.
public struct SettingError: Error, ExitStatusError, CustomStringConvertible, Equatable {
    /// The environment name of the setting.
    public let setting: String
    /// The line.
    public let description: String

    public var exitStatus: ExitStatus { .configuration }

    /// - Parameters:
    ///   - setting: The environment name of the setting.
    ///   - problem: What is wrong and what it may be, to be read after the name; made one line.
    public init(setting: String, problem: String) {
        self.setting = setting
        self.description = "\(setting) \(SafeText.oneLine(problem, limit: 600))"
    }

    /// The setting has a value that it may not have.
    /// - Parameter origin: The flag, when the value came from there.
    static func notAllowed(_ setting: AnySetting, value: String, origin: String?) -> SettingError {
        let shown = setting.isSecret ? "has a value that is not shown" : "is \"\(SafeText.oneLine(value, limit: 80))\""
        let from = origin.map { "(given as \($0)) " } ?? ""
        return SettingError(setting: setting.name, problem: "\(from)\(shown), but may be: \(setting.allowed)")
    }

    /// The setting has neither a value nor a default.
    static func missing(_ setting: AnySetting) -> SettingError {
        let file = setting.hasFileVariant ? " (or \(setting.name)_FILE, the path of a file that holds it)" : ""
        return SettingError(
            setting: setting.name, problem: "is not set\(file), and must be: \(setting.allowed)")
    }
}
