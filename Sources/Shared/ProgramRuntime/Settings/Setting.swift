/// What a setting tells about itself, whatever the type of its value.
public protocol SettingDeclaration: Sendable {
    /// The name of its environment variable, as in `WRITER_BATCH_SIZE`.
    var name: String { get }
    /// The flag of the same meaning, as in `--batch-size`; nil for a secret, which has no place on a command line.
    var flag: String? { get }
    /// The default as an operator would write it; nil when there is none.
    var defaultText: String? { get }
    /// What it may be, in words that go on after "may be".
    var allowed: String { get }
    /// What it means, in one sentence without a full stop.
    var help: String { get }
    /// Whether its value must never be shown.
    var isSecret: Bool { get }
    /// Whether `<name>_FILE` may name a file that holds the value instead.
    var hasFileVariant: Bool { get }
    /// What is wrong with it as it is set; nil if nothing is, or it is not set.
    func problem(_ reader: SettingsReader) -> SettingError?
}

/// A setting whose value may be of any type.
public typealias AnySetting = any SettingDeclaration

/// A setting: its names, what it may be, and how its text becomes a value.
public struct Setting<Value: Sendable>: SettingDeclaration {
    public let name: String
    public let flag: String?
    /// The value when it is set nowhere; nil when there is none.
    public let defaultValue: Value?
    public let defaultText: String?
    public let allowed: String
    public let help: String
    public let isSecret: Bool
    public let hasFileVariant: Bool
    let parse: @Sendable (String) -> Value?

    public func problem(_ reader: SettingsReader) -> SettingError? {
        do throws(SettingError) {
            _ = try reader.readIfSet(self)
            return nil
        } catch {
            return error
        }
    }

    /// Declares a setting of a type of its own; see ``integer(_:flag:default:in:unit:help:)`` and the others first.
    /// - Parameters:
    ///   - name: The environment variable.
    ///   - flag: The flag, with its two dashes.
    ///   - defaultValue: The value when it is set nowhere; nil when there is none.
    ///   - defaultText: The default in the settings table.
    ///   - allowed: What it may be, in words that go on after "may be".
    ///   - help: What it means.
    ///   - parse: Makes the value of a text; nil when the text is not allowed.
    public init(
        _ name: String, flag: String?, default defaultValue: Value?, defaultText: String?, allowed: String,
        help: String, parse: @escaping @Sendable (String) -> Value?
    ) {
        self.init(
            name: name, flag: flag, defaultValue: defaultValue, defaultText: defaultText, allowed: allowed, help: help,
            isSecret: false, hasFileVariant: false, parse: parse)
    }

    init(
        name: String, flag: String?, defaultValue: Value?, defaultText: String?, allowed: String, help: String,
        isSecret: Bool, hasFileVariant: Bool, parse: @escaping @Sendable (String) -> Value?
    ) {
        precondition(!isSecret || flag == nil, "\(name): a secret must not be given on the command line")
        self.name = name
        self.flag = flag
        self.defaultValue = defaultValue
        self.defaultText = defaultText
        self.allowed = allowed
        self.help = help
        self.isSecret = isSecret
        self.hasFileVariant = hasFileVariant
        self.parse = parse
    }
}
