import Candlepost
import Outbox
import Postgres
import ProgramRuntime
import Schema

/// The server, the schema, the log's partitions, and what the console itself is set to.
enum SystemPage {
    private static let columns = [
        ListingColumn("name"), ListingColumn("from_id", isNumber: true), ListingColumn("upto_id", isNumber: true),
        ListingColumn("bytes", isNumber: true),
    ]

    private struct Shown: Sendable {
        var server: [(String, String)] = []
        var ids: [(isFine: Bool, finding: String)] = []
        var sizes: [[String]] = []
        var servers: [[String]] = []
    }

    static func listing(_ ask: Ask) async throws -> Listing {
        let rows = try await ask.readers.with { connection in
            try await connection.execute(
                """
                SELECT name::text, from_id, upto_id, pg_total_relation_size(name::text::regclass)
                FROM (SELECT * FROM outbox_partitions ORDER BY from_id DESC LIMIT 200) p
                """)
        }
        return Listing(
            columns: columns, rows: try rows.map { row throws(PostgresError) in try row.cells(columns) })
    }

    static func page(_ ask: Ask, settings: ConsoleSettings) async throws -> Page {
        let partitions = try await listing(ask)
        let shown = try await ask.readers.with { try await read($0) }
        let body: HTML = """
            <div class="cards"><div class="card"><h2>Database</h2><dl class="facts-list">\(shown.server.map(fact))</dl></div>
            <div class="card"><h2>This console</h2><dl class="facts-list">\(settings.facts.map(fact))</dl></div></div>
            <h2>Ids</h2><ul>\(shown.ids.map { "<li><span class=\"state \($0.isFine ? "good" : "bad")\">\($0.isFine ? "fine" : "mend it")</span> \($0.finding)</li>" as HTML })</ul>
            <h2>Sizes</h2>\(Table.html(caption: "Sizes of tables", [.init("table"), .init("rows, about", number: true), .init("size", number: true)], shown.sizes.map { $0.map { HTML($0) } }, empty: "No tables."))
            <h2>Partitions of the outbox</h2>\(partitionTable(partitions))
            <div class="foot">\(Table.files("/system"))<a href="/kinds">Kinds of records</a></div>
            """
        return Page(place: .system, title: "System", body: body, isLive: false, command: "relay check")
    }

    private static func fact(_ fact: (String, String)) -> HTML { "<div><dt>\(fact.0)</dt><dd>\(fact.1)</dd></div>" }

    private static func partitionTable(_ partitions: Listing) -> HTML {
        Table.html(
            caption: "Partitions, the newest first",
            [
                .init("name"), .init("from id", number: true), .init("up to, not with", number: true),
                .init("size", number: true),
            ],
            partitions.rows.map { row in
                [
                    HTML(row[0].shown), HTML(row[1].shown), HTML(row[2].shown),
                    HTML(size(Int64(row[3].shown) ?? 0)),
                ]
            }, empty: "There are none: the writer makes them.")
    }

    private static func size(_ bytes: Int64) -> String {
        switch bytes {
        case ..<1024: "\(bytes) B"
        case ..<(1 << 20): "\(Figures.fixed(Double(bytes) / 1024, 0)) KiB"
        case ..<(1 << 30): "\(Figures.fixed(Double(bytes) / 1_048_576, 1)) MiB"
        default: "\(Figures.fixed(Double(bytes) / 1_073_741_824, 1)) GiB"
        }
    }

    private static func read(_ connection: PostgresConnection) async throws -> Shown {
        var shown = Shown()
        let facts = try await connection.execute(
            """
            SELECT current_setting('server_version'), current_database()::text, session_user::text,
                   (SELECT max(version)::text FROM schema_migrations), \(utc("pg_postmaster_start_time()")),
                   pg_size_pretty(pg_database_size(current_database())), current_setting('synchronous_commit'),
                   current_setting('fsync'), current_setting('max_connections'), pg_is_in_recovery()::text
            """)
        let names = [
            "PostgreSQL", "database", "role", "schema version", "up since", "size", "synchronous_commit", "fsync",
            "max_connections", "standby",
        ]
        for (place, name) in names.enumerated() {
            shown.server.append((name, try facts[0].optionalText(place) ?? "unknown"))
        }
        let report = try await connection.execute("SELECT is_fine, finding FROM outbox_ids_report()")
        shown.ids = try report.map { row throws(PostgresError) in (try row.bool(0), try row.text(1)) }
        let sizes = try await connection.execute(
            """
            SELECT c.relname::text, part.rows, part.bytes
            FROM pg_class c CROSS JOIN LATERAL (
                -- A table has the sizes of its partitions or chunks; what was never analyzed has no number of rows.
                WITH RECURSIVE parts(oid) AS (
                    SELECT c.oid UNION ALL SELECT i.inhrelid FROM parts JOIN pg_inherits i ON i.inhparent = parts.oid)
                SELECT CASE WHEN bool_or(p.reltuples >= 0) THEN sum(greatest(p.reltuples, 0)) END::bigint AS rows,
                       sum(pg_total_relation_size(p.oid))::bigint AS bytes
                FROM parts JOIN pg_class p USING (oid) WHERE p.relkind = 'r'
            ) part
            WHERE c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'outbox'::regclass)
              AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 3 DESC NULLS LAST LIMIT 40
            """)
        shown.sizes = try sizes.map { row throws(PostgresError) in
            let bytes = try row.isNull(2) ? 0 : try row.int8(2)
            return [
                try row.text(0), try row.isNull(1) ? "not known yet" : Figures.grouped(try row.int8(1)), size(bytes),
            ]
        }
        return shown
    }
}

extension ConsoleSettings {
    /// What it is set to, without secrets.
    var facts: [(String, String)] {
        [
            ("version", Version.current), ("address", "\(address)"),
            (
                "people",
                access.people.isEmpty ? "nobody may sign in" : access.people.map(\.name).joined(separator: ", ")
            ),
            ("proxy", access.proxy.map { "is trusted, and names people by \($0.header)" } ?? "none is trusted"),
            (
                "acts",
                acting == nil ? "none: only looked at" : acting?.broker == nil ? "all but replays and retries" : "all"
            ),
            ("names", hosts.isEmpty ? "localhost and numeric addresses" : hosts.joined(separator: ", ")),
        ]
    }
}
