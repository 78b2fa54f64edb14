import Configuration
import FoundationEssentials

/// Reads settings: a flag wins over the environment, and the environment over the default.
///
/// An environment variable that is empty counts as not set.
public struct SettingsReader: Sendable {
    /// Those of the command that runs; `runProgram` sets it.
    @TaskLocal public static var current = SettingsReader()

    private let flags: [String: String]
    private let reader: ConfigReader
    private let table: [AnySetting]
    private let variables: [String]

    /// The environment variables of this process.
    public static var processEnvironment: [String: String] { ProcessInfo.processInfo.environment }

    /// - Parameters:
    ///   - flags: The values given as flags, by the environment name of their setting.
    ///   - environment: The environment variables.
    ///   - table: All settings of the program, for ``problems`` and ``unknownVariables(prefix:)``.
    public init(
        flags: [String: String] = [:], environment: [String: String] = SettingsReader.processEnvironment,
        table: [AnySetting] = []
    ) {
        self.flags = flags
        self.table = table
        variables = environment.filter { !$0.value.isEmpty }.map(\.key)
        let flagValues = flags.map { (AbsoluteConfigKey([$0]), ConfigValue(.string($1), isSecret: false)) }
        reader = ConfigReader(providers: [
            InMemoryProvider(name: "flags", values: Dictionary(uniqueKeysWithValues: flagValues)),
            EnvironmentVariablesProvider(environmentVariables: environment.filter { !$0.value.isEmpty }),
        ])
    }

    /// What is wrong with the settings of the table, a line for each that is.
    public var problems: [SettingError] { table.compactMap { $0.problem(self) } }

    /// A line for each variable that looks like a setting and is none.
    /// - Parameter prefix: What the names of the program's own settings begin with, as in `WRITER_`.
    public func unknownVariables(prefix: String) -> [String] {
        UnknownVariables(variables, prefix: prefix, settings: table).lines
    }

    /// The value of a setting, or its default.
    /// - Throws: ``SettingError`` when the value is not allowed, or there is neither a value nor a default.
    public func read<Value>(_ setting: Setting<Value>) throws(SettingError) -> Value {
        guard let value = try readIfSet(setting) ?? setting.defaultValue else { throw .missing(setting) }
        return value
    }

    /// The value of a setting, or nil when it is set nowhere; the default is not looked at.
    /// - Throws: ``SettingError`` when the value is not allowed.
    public func readIfSet<Value>(_ setting: Setting<Value>) throws(SettingError) -> Value? {
        guard let text = try text(of: setting) else { return nil }
        guard let value = setting.parse(text) else {
            let origin = flags[setting.name] == nil ? nil : setting.flag
            throw .notAllowed(setting, value: text, origin: origin)
        }
        return value
    }

    /// One line for each of these settings whose file can be read by other users of the machine.
    ///
    /// Not an error, because container platforms mount secrets that way.
    public func warnings(for settings: [AnySetting]) -> [String] {
        settings.compactMap { setting in
            guard setting.hasFileVariant, let path = plainText(of: setting.name + "_FILE", isSecret: false),
                SecretFile.isOpenToOthers(path)
            else { return nil }
            return "\(setting.name)_FILE names a file that every user of this machine can read"
        }
    }

    private func text(of setting: AnySetting) throws(SettingError) -> String? {
        let value = plainText(of: setting.name, isSecret: setting.isSecret)
        guard setting.hasFileVariant, let path = plainText(of: setting.name + "_FILE", isSecret: false) else {
            return value
        }
        guard value == nil else {
            throw SettingError(
                setting: setting.name, problem: "and \(setting.name)_FILE are both set, but only one may be")
        }
        return try SecretFile.read(path, for: setting)
    }

    private func plainText(of name: String, isSecret: Bool) -> String? {
        reader.string(forKey: ConfigKey([name]), isSecret: isSecret)
    }
}
