import CLibPQ

/// A conninfo taken apart, and put together again with our own settings. Knows the secrets in it.
struct Conninfo: Sendable {
    /// The options that the user gave, by libpq's keyword.
    private(set) var options: [String: String]

    /// - Throws: `configuration`, in our own words: libpq's may repeat a piece of the password.
    init(parsing text: String) throws(PostgresError) {
        options = try Self.parse(text)
        try check(isURI: text.hasPrefix("postgres://") || text.hasPrefix("postgresql://"))
    }

    private static func parse(_ text: String) throws(PostgresError) -> [String: String] {
        var complaint: UnsafeMutablePointer<CChar>?
        guard let parsed = PQconninfoParse(text, &complaint) else {
            PQfreemem(complaint)
            throw PostgresError(
                kind: .configuration,
                message: "the connection string cannot be parsed; check its percent-encoding, quotes and keywords")
        }
        defer { PQconninfoFree(parsed) }
        var options: [String: String] = [:]
        var next = parsed
        while let keyword = next.pointee.keyword {
            if let value = next.pointee.val { options[String(cString: keyword)] = String(cString: value) }
            next += 1
        }
        return options
    }

    /// A password with a raw `@`, `/` or `:` ends up as host, port or database, and from there in error messages.
    private func check(isURI: Bool) throws(PostgresError) {
        let portsAreNumbers = (options["port"] ?? "").allSatisfy { $0.isASCII && ($0.isNumber || $0 == ",") }
        let hostIsPlain = !(options["host"] ?? "").contains("@") || (options["host"] ?? "").hasPrefix("@")
        let databaseIsPlain = !isURI || !(options["dbname"] ?? "").contains("@")
        guard portsAreNumbers && hostIsPlain && databaseIsPlain else {
            throw PostgresError(
                kind: .configuration,
                message: "the connection string has a host, port or database that cannot be one; "
                    + "percent-encode the special characters of the password")
        }
    }

    /// The user's limit for each address; nil: none. As in libpq, one second counts as two.
    var connectTimeout: Duration? {
        guard let seconds = options["connect_timeout"].flatMap({ Int64($0) }), seconds > 0 else { return nil }
        return .seconds(min(max(seconds, 2), 86_400))
    }

    /// Texts that must not appear in any message.
    var secrets: [String] {
        ["password", "sslpassword"].compactMap { options[$0] }.filter { !$0.isEmpty }
    }

    /// Lays our settings under and over those of the user.
    mutating func apply(_ configuration: PostgresConfiguration) {
        let defaults = [
            "keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3",
            // An answer may take longer, but not the acknowledgement of the question by the server's machine.
            "tcp_user_timeout": "\(min(configuration.replyTimeout, .seconds(30)).wholeMilliseconds)",
        ]
        options.merge(defaults) { given, _ in given }
        options["application_name"] = configuration.applicationName
        options["client_encoding"] = "UTF8"
        options["options"] = Self.sessionOptions(configuration, given: options["options"])
        if hostCount > 1 && options["target_session_attrs"] == nil {
            options["target_session_attrs"] = "read-write"
        }
    }

    /// Later settings win on the server: our defaults, then the conninfo, then the configuration.
    private static func sessionOptions(_ configuration: PostgresConfiguration, given: String?) -> String {
        let limit = "\(configuration.replyTimeout.wholeMilliseconds)ms"
        // The server has to notice too that this machine has fallen silent, or it would keep its locks for two hours.
        let defaults = [
            ("statement_timeout", limit), ("idle_in_transaction_session_timeout", limit),
            ("tcp_keepalives_idle", "5"), ("tcp_keepalives_interval", "5"), ("tcp_keepalives_count", "2"),
            ("tcp_user_timeout", "15000"), (SessionSettings.marker, "on"),
        ]
        let own = configuration.parameters.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        return [defaults.map(option).joined(separator: " "), given ?? "", own.map(option).joined(separator: " ")]
            .filter { !$0.isEmpty }.joined(separator: " ")
    }

    /// The server splits `options` at blanks (`pg_split_opts`); a backslash keeps one.
    private static func option(name: String, value: String) -> String {
        var escaped = ""
        for character in value {
            if character.isWhitespace || character == "\\" { escaped.append("\\") }
            escaped.append(character)
        }
        return "-c \(name)=\(escaped)"
    }

    private var hostCount: Int { (options["hostaddr"] ?? options["host"] ?? "").split(separator: ",").count }

    /// One set of options for each host, so that one that hangs cannot use up the time of the others.
    var candidates: [[String: String]] {
        hosts.map { host in host.merging(TransportSecurity.defaults(for: host)) { given, _ in given } }
    }

    private var hosts: [[String: String]] {
        let count = hostCount
        let lists = ["host", "hostaddr", "port"].compactMap { keyword in
            options[keyword].map { (keyword, $0.split(separator: ",", omittingEmptySubsequences: false)) }
        }
        // Asking every host for a standby before taking any is libpq's own loop. Lists that do not match are its
        // to complain about.
        guard count > 1, options["target_session_attrs"] != "prefer-standby",
            lists.allSatisfy({ $1.count == count || ($0 == "port" && $1.count == 1) })
        else { return [options] }
        return (0..<count).map { index in
            var candidate = options
            for (keyword, values) in lists { candidate[keyword] = String(values[values.count == 1 ? 0 : index]) }
            return candidate
        }
    }
}

extension Duration {
    /// Rounded up, at least 1.
    var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        return max(1, seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
