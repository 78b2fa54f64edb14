import ProgramRuntime

/// How people are known: by tokens of their own, or by a proxy that has signed them in.
struct Access: Sendable {
    /// A proxy that is trusted because it knows a secret.
    struct Proxy: Sendable {
        /// The header that holds the name of who is signed in there.
        let header: String
        let secret: String
    }

    /// Who may sign in, and by which token.
    let people: [(name: String, token: String)]
    let proxy: Proxy?

    /// Whether anybody can be known.
    var isThere: Bool { !people.isEmpty || proxy != nil }

    /// Whose token it is; nil for nobody's. Takes as long for any token.
    func name(by token: String) -> String? {
        var found: String?
        for person in people where SecretText.areEqual(person.token, token) { found = person.name }
        return found
    }

    // MARK: settings

    static let leastToken = 20

    static let tokensSetting = Setting.secret(
        "CONSOLE_TOKENS", default: nil, defaultText: "nobody may sign in",
        allowed:
            "a name, a colon and a token of 20 characters or more for each person, in lines or with commas between",
        help: "who may sign in, and by which token")
    static let headerSetting = Setting<String>.text(
        "CONSOLE_TRUSTED_HEADER", flag: nil, default: nil, allowed: "the name of a header, as in X-Forwarded-User",
        help: "the header by which a proxy in front says who is signed in there; needs CONSOLE_PROXY_SECRET")
    static let secretSetting = Setting.secret(
        "CONSOLE_PROXY_SECRET", default: nil, defaultText: "no proxy is trusted", allowed: "20 characters or more",
        help: "what that proxy sends as X-Candlepost-Secret, so that nobody else can say who he is")

    /// - Throws: ``SettingError``.
    init(_ settings: SettingsReader) throws(SettingError) {
        people = try Self.people(settings.readIfSet(Self.tokensSetting))
        let (header, secret) = (try settings.readIfSet(Self.headerSetting), try settings.readIfSet(Self.secretSetting))
        switch (header, secret) {
        case (nil, nil): proxy = nil
        case (let header?, let secret?):
            guard secret.utf8.count >= Self.leastToken else {
                throw SettingError(
                    setting: Self.secretSetting.name, problem: "is too short, but may be: \(Self.secretSetting.allowed)"
                )
            }
            guard
                header.utf8.allSatisfy({
                    $0 == 0x2D || (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                })
            else {
                throw SettingError(
                    setting: Self.headerSetting.name,
                    problem: "is \"\(header)\", but may be: \(Self.headerSetting.allowed)")
            }
            proxy = Proxy(header: header, secret: secret)
        case (_?, nil):
            throw SettingError(setting: Self.headerSetting.name, problem: "needs CONSOLE_PROXY_SECRET beside it")
        case (nil, _?):
            throw SettingError(setting: Self.secretSetting.name, problem: "needs CONSOLE_TRUSTED_HEADER beside it")
        }
    }

    private static func people(_ text: String?) throws(SettingError) -> [(name: String, token: String)] {
        var people: [(name: String, token: String)] = []
        for line in (text ?? "").split(whereSeparator: { $0.isNewline || $0 == "," }) {
            let sides = line.split(separator: ":", maxSplits: 1).map { $0.filter { !$0.isWhitespace } }
            guard sides.count == 2, (1...64).contains(sides[0].utf8.count), sides[1].utf8.count >= leastToken,
                !people.contains(where: { $0.name == sides[0] || $0.token == sides[1] })
            else {
                throw SettingError(
                    setting: tokensSetting.name,
                    problem:
                        "has a line that is none (of person \(people.count + 1)), but may hold: \(tokensSetting.allowed)"
                )
            }
            people.append((sides[0], sides[1]))
        }
        return people
    }
}
