/// The server's settings that a session of ours always has, whatever a database, a role or a pooler says: those that change what
/// a statement means, how a value is written, or what a commit promises.
struct SessionSettings: Sendable {
    typealias Setting = (name: String, value: String)

    /// What has to be said to a session. `default_transaction_read_only` is not among it: it changes no meaning, and is an
    /// administrator's brake.
    let settings: [Setting]
    /// The commit's promise is ours to give up, as the configuration says.
    private let choosesCommit: Bool

    /// - Parameters:
    ///   - given: the options of the connection string, by which time limits may be set.
    ///   - heedsOptions: the server has got them already.
    init(
        _ configuration: PostgresConfiguration, given: String?, serverVersion: Int32, heedsOptions: Bool
    ) {
        let given = Self.parse(given ?? "")
        var settings = Self.meaning
        if serverVersion >= 170_000 { settings.append(("transaction_timeout", "0")) }
        let limit = "\(configuration.replyTimeout.wholeMilliseconds)ms"
        settings += [
            ("statement_timeout", limit), ("idle_in_transaction_session_timeout", limit), ("lock_timeout", "0"),
            ("idle_session_timeout", "0"),
        ]
        let fixed = Set(Self.meaning.map { $0.name.lowercased() })
        settings += given.filter { setting in
            let name = setting.name.lowercased()
            return heedsOptions ? Self.timeLimits.contains(name) : !fixed.contains(name)
        }
        settings += configuration.parameters.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        self.settings = settings
        choosesCommit = configuration.parameters["synchronous_commit"] != nil
    }

    /// What a connection string may set, and a database or a role may not.
    private static let timeLimits: Set<String> = [
        "statement_timeout", "idle_in_transaction_session_timeout", "lock_timeout", "idle_session_timeout",
    ]

    private static let meaning: [Setting] = [
        ("array_nulls", "on"), ("bytea_output", "hex"), ("client_encoding", "UTF8"), ("DateStyle", "ISO, MDY"),
        ("default_transaction_deferrable", "off"), ("default_transaction_isolation", "read committed"),
        ("extra_float_digits", "1"), ("IntervalStyle", "postgres"), ("plan_cache_mode", "auto"),
        ("quote_all_identifiers", "off"),
        // A policy that hides rows is an error, and never an answer in which rows are missing.
        ("row_security", "off"),
        ("standard_conforming_strings", "on"), ("TimeZone", "UTC"), ("transform_null_equals", "off"),
    ]

    /// Says all of it and asks who is there, in one statement: the process of the server, its encoding, and whether the options
    /// of the start came through.
    ///
    /// A commit is never weaker than what is set, and never weaker than on this server's disk. The search path is kept as it is
    /// found, with temporary tables last, so that none stands before a table of ours.
    var statement: Statement {
        var names = BinaryArray(elementType: .text, capacity: settings.count)
        var values = BinaryArray(elementType: .text, capacity: settings.count)
        for setting in settings {
            names.append(text: setting.name)
            values.append(text: setting.value)
        }
        return Statement(
            """
            SELECT pg_backend_pid(), current_setting('server_encoding'),
                   coalesce(current_setting('\(Self.marker)', true), '') = 'on',
                   (SELECT count(set_config(name, value, false))
                    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS t(name, value, place)),
                   CASE WHEN NOT $3 AND current_setting('synchronous_commit') = 'off'
                        THEN set_config('synchronous_commit', 'on', false) END,
                   CASE WHEN current_setting('session_replication_role') <> 'origin'
                        THEN set_config('session_replication_role', 'origin', false) END,
                   set_config('search_path', coalesce(
                       (SELECT string_agg(quote_ident(name), ', ' ORDER BY place) || ', pg_temp'
                        FROM unnest(current_schemas(false)) WITH ORDINALITY AS t(name, place)
                        WHERE name NOT LIKE 'pg\\_temp%'), current_setting('search_path')), false)
            """, [.array(names), .array(values), .bool(choosesCommit)])
    }

    /// A setting that only the options of the start carry.
    static let marker = "candlepost.options"

    /// Takes `-c name=value`, `-cname=value` and `--name=value` apart, as the server does.
    static func parse(_ options: String) -> [Setting] {
        var words: [String] = []
        var word = ""
        var isEscaped = false
        for character in options {
            if isEscaped || (character != "\\" && !character.isWhitespace) {
                word.append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else {
                words.append(word)
                word = ""
            }
        }
        words.append(word)
        return settings(of: words.filter { !$0.isEmpty })
    }

    private static func settings(of words: [String]) -> [Setting] {
        var settings: [Setting] = []
        var isSetting = false
        for word in words {
            if word == "-c" {
                isSetting = true
                continue
            }
            let isMarked = isSetting || word.hasPrefix("-c") || word.hasPrefix("--")
            let text = isSetting ? word[...] : word.dropFirst(2)
            isSetting = false
            guard isMarked, let equals = text.firstIndex(of: "=") else { continue }
            settings.append(
                (String(text[..<equals]).replacing("-", with: "_"), String(text[text.index(after: equals)...])))
        }
        return settings
    }
}
