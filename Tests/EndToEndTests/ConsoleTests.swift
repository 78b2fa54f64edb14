import Glibc
import Postgres
import TestSupport
import Testing

/// The console against a real pair.
@Suite("The console") struct ConsoleTests {
    private static let pages = [
        "/", "/lanes", "/markets", "/markets/1", "/events", "/events?symbol=M1/USDT&since=1h", "/parked", "/quarantine",
        "/conflicts", "/gaps",
        "/acts", "/verify", "/system", "/help", "/kinds", "/markets/1/records?kind=Trade",
    ]
    private static let lists = [
        "/lanes", "/markets", "/markets/1/candles", "/events", "/parked", "/quarantine", "/conflicts", "/acts",
        "/verify",
        "/gaps",
        "/system", "/kinds",
    ]

    @Test func everyPageIsServedToAnAuditor() async throws {
        try await World.with { world in
            var candles = Candles()
            let (writer, relay) = (try await world.writer(), try await world.relay())
            world.gateway.start()
            try await world.collector.publish(candles.next(50))
            try await eventually("all are announced") {
                await relay.metric("candlepost_relay_rows_published_total") == 50
            }
            let owner = try await world.database.connect()
            try await TestRoles.with(world.database, owner) { roles in
                let console = try await world.console(["DATABASE_URL": roles.url("auditor")])
                for page in Self.pages {
                    let reply = try #require(await console.get(page))
                    #expect(reply.status == 200, "\(page): \(reply.body.prefix(2000))")
                    #expect(reply.body.utf8.count < 60_000 - 23_000, "with style and script at most 60 KB: \(page)")
                }
                for list in Self.lists {
                    let (json, csv) = (await console.get(list + ".json"), await console.get(list + ".csv"))
                    #expect(json?.status == 200 && json?.body.hasPrefix("[") == true, "\(list): \(json?.body ?? "")")
                    #expect(csv?.status == 200 && csv?.body.contains(",") == true, "\(list): \(csv?.body ?? "")")
                    #expect(await console.get(list + ".ndjson")?.status == 200, "\(list)")
                }
                #expect(await console.get("/markets/99999")?.status == 404)
                #expect(await console.get("/nothing")?.status == 404)
                let check = try await world.start(.console, ["check"], settings: ["DATABASE_URL": roles.url("auditor")])
                #expect(try await check.ended() == .status(0), "\(check.output)\(check.log)")
                console.kill(SIGTERM)
                #expect(try await console.ended() == .status(0))
            }
            await owner.close()
            _ = try await world.check([relay, writer]) { $0.minimum = 50 }
        }
    }

    /// As NDJSON a list has no pages: it comes to its end.
    @Test func aLongListComesWhole() async throws {
        try await World.with(markets: 200) { world in
            let console = try await world.console()
            let url = "http://127.0.0.1:\(try #require(console.port))/markets.ndjson"
            let whole = try await Program(path: "/usr/bin/curl", ["-sS", url])
            #expect(try await whole.ended() == .status(0))
            let lines = whole.output.split(separator: "\n")
            #expect(lines.count == 200 && lines.allSatisfy { $0.hasPrefix("{\"id\":") && $0.hasSuffix("}") })
            #expect(Set(lines).count == 200)
            let some = try await Program(path: "/usr/bin/curl", ["-sS", url + "?q=M19"])
            #expect(try await some.ended() == .status(0))
            #expect(some.output.split(separator: "\n").count == 11)
        }
    }

    @Test func ofAMessageThatIsNoneThePlaceIsMarked() async throws {
        try await World.with { world in
            try await world.query(
                "INSERT INTO quarantine (queue, reason, detail, body) VALUES "
                    + "('database-writer.candle-stick', 'not_json', '', '{\"exchange\": binance}')")
            let console = try await world.console()
            let page = try #require(await console.get("/quarantine/1"))
            #expect(page.body.contains("{&quot;exchange&quot;: <mark id=\"stop\">b</mark>inance}"), "\(page.body)")
        }
    }

    /// The same gaps as the command's.
    @Test func whatIsMissingIsListed() async throws {
        try await World.with(markets: 3) { world in
            try await world.query(
                """
                INSERT INTO candle_sticks (market_id, interval_start, interval_end, charts)
                SELECT 2, t, t + interval '1 minute', '{}'
                FROM generate_series(timestamptz '2026-01-01 00:00Z', '2026-01-01 00:59Z', '1 minute') AS t
                WHERE t NOT IN ('2026-01-01 00:07Z', '2026-01-01 00:08Z')
                """)
            let console = try await world.console()
            let span = "?since=2026-01-01T00:00:00Z&until=2026-01-01T01:00:00Z"
            let page = try #require(await console.get("/gaps" + span))
            #expect(page.body.contains("2 missing</span> in 1 gap.") && page.body.contains("2026-01-01 00:07:00"))
            #expect(page.body.contains("writer gaps --kind CandleStick --since 2026-01-01T00:00:00Z"), "\(page.body)")
            let csv = try await world.run(
                "writer", "gaps", "--kind", "CandleStick", "--csv", "--since", "2026-01-01T00:00:00Z", "--until",
                "2026-01-01T01:00:00Z")
            #expect(await console.get("/gaps.csv" + span)?.body == csv)
            #expect(await console.get("/gaps" + span + "&kind=Trade")?.body.contains("No interval is missing") == true)
            #expect(await console.get("/gaps?kind=Candle")?.status == 400)
            #expect(await console.get("/gaps?since=yesterday")?.status == 400)
        }
    }

    /// Unless it is set otherwise nobody sees a body; and then each look stands in the log.
    @Test func bodiesAreShownWhereThatIsSetAndEachLookIsRecorded() async throws {
        try await World.with { world in
            try await world.query(
                """
                INSERT INTO outbox (lane, record_type, market_id, interval_start, interval_end, body)
                VALUES (9, 'CandleStick', 1, 'epoch', 'epoch', '{"price": "<b>"}')
                """)
            let closed = try await world.console()
            #expect(await closed.get("/events/1")?.body.contains("Show its body") == false)
            #expect(await closed.get("/events/1/body")?.status == 404)
            let open = try await world.console(["CONSOLE_SHOW_BODIES": "yes"])
            #expect(await open.get("/events/1")?.body.contains("Show its body") == true)
            #expect(!open.log.contains("a body was looked at"))
            #expect(
                await open.get("/events/1/body")?.body.contains("{&quot;price&quot;: &quot;&lt;b&gt;&quot;}") == true)
            #expect(
                open.log.contains(
                    "\"message\":\"a body was looked at\",\"name\":\"nobody signed in\",\"outbox.id\":\"1\",\"peer\":\"127.0.0.1\""
                ))
            #expect(!open.log.contains("price"))
        }
    }

    @Test func namesOfElsewhereAreRefusedAndHostileNamesAreText() async throws {
        try await World.with { world in
            let hostile = "<script>alert(1)</script>\"'"
            try await world.query("UPDATE markets SET symbol = $$\(hostile)$$ WHERE id = 1")
            let console = try await world.console()
            let page = try #require(await console.get("/markets"))
            #expect(page.body.contains("&lt;script&gt;alert(1)"))
            #expect(!page.body.contains("<script>alert"))
            let curl = { (words: [String]) in
                let run = try await Program(path: "/usr/bin/curl", ["-sS", "-o", "/dev/null", "-D", "-"] + words)
                try await run.ended()
                return run.output
            }
            let url = "http://127.0.0.1:\(try #require(console.port))/"
            #expect(try await curl(["-H", "Host: evil.example", url]).hasPrefix("HTTP/1.1 421"))
            #expect(try await curl(["-X", "DELETE", url]).hasPrefix("HTTP/1.1 405"))
            let head = try await curl([url])
            #expect(head.contains("Content-Security-Policy: default-src 'none'"))
            #expect(!head.contains("unsafe-inline"))
        }
    }

    @Test func itOutlivesItsDatabase() async throws {
        try await World.with { world in
            let owner = try await world.database.connect()
            try await TestRoles.with(world.database, owner) { roles in
                let role = try #require(roles.names["console"])
                let console = try await world.console(["DATABASE_URL": roles.url("console")])
                try await owner.script("ALTER ROLE \(role) NOLOGIN")
                _ = try await owner.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", [.text(role)])
                try await console.becomes(ready: false)
                let away = try #require(await console.get("/markets"))
                #expect(away.status == 503 && away.body.contains("The database is away"))
                #expect(await console.get("/")?.body.contains("The database is away") == true)
                try await owner.script("ALTER ROLE \(role) LOGIN")
                try await console.becomes(ready: true)
                #expect(await console.get("/markets")?.status == 200)
                console.kill(SIGTERM)
                try await console.ended()
            }
            await owner.close()
        }
    }

    @Test func itCountsWhatIsAskedFor() async throws {
        try await World.with { world in
            let console = try await world.console()
            for path in ["/markets/1", "/markets/2", "/events.json", "/nothing", "/no/such/page"] {
                #expect(await console.get(path) != nil)
            }
            let requests = "candlepost_console_requests_total"
            #expect(await console.metric(requests, #"page="/markets/{id}",status="200""#) == 2)
            #expect(await console.metric(requests, #"page="/events.json",status="200""#) == 1)
            #expect(await console.metric(requests, #"page="other",status="404""#) == 2)
            #expect(await console.metric("candlepost_console_request_seconds_count") == 5)
            #expect(await console.metric("candlepost_console_status_queries_total") ?? 0 >= 1)
            #expect(await console.metric("candlepost_console_browsers") == 0)
        }
    }

    /// Another machine reads metrics by a token, and pages by a sign-in.
    @Test func metricsOfAReachableConsoleNeedAToken() async throws {
        try await World.with { world in
            let console = try await world.start(
                .console,
                settings: [
                    "CONSOLE_HTTP": "0.0.0.0:0", "CONSOLE_HTTP_TOKEN": "a-token-of-prometheus",
                    "CONSOLE_TOKENS": "alice:12345678901234567890",
                ])
            try await eventually("it listens") { console.log.contains("\"http.address\":\"0.0.0.0:") }
            let start = try #require(console.log.firstRange(of: "\"http.address\":\"0.0.0.0:")?.upperBound)
            let url = "http://127.0.0.1:\(console.log[start...].prefix { $0.isNumber })/metrics"
            let status = { (words: [String]) in
                let run = try await Program(
                    path: "/usr/bin/curl", ["-sS", "-o", "/dev/null", "-w", "%{http_code}"] + words)
                try await run.ended()
                return run.output
            }
            #expect(try await status([url]) == "401")
            #expect(try await status(["-H", "Authorization: Bearer another", url]) == "401")
            #expect(try await status(["-H", "Authorization: Bearer a-token-of-prometheus", url]) == "200")
            try await world.stop(console)
        }
    }

    /// What verify found stands in the database: another console, started later, knows of it and warns.
    @Test func whatVerifyFoundOutlivesTheConsole() async throws {
        try await World.with { world in
            let owner = try await world.database.connect()
            try await TestRoles.with(world.database, owner) { roles in
                let first = try await world.console(["DATABASE_URL": roles.url("console")])
                try await world.query(
                    "INSERT INTO ingest_batches (writer, received, stored, duplicate, quarantined) VALUES ('w', 1, 1, 0, 0)"
                )
                try await Self.verify(first)
                try await eventually("the run is kept") {
                    try await world.number("SELECT count(*) FROM verifications") == 1
                }
                try await world.stop(first)
                let second = try await world.console(["DATABASE_URL": roles.url("console")])
                try await eventually("every page warns") {
                    await second.get("/help")?.body.contains("found promises broken") == true
                }
                let page = try #require(await second.get("/verify"))
                #expect(page.body.contains("Promises are broken") && page.body.contains("records stored + revised"))
                #expect(await second.get("/verify.json")?.body.contains("(the console)") == true)
                // Whoever runs it by command tells the console, too.
                try await world.query("DELETE FROM ingest_batches")
                try await world.run("relay", "verify")
                try await eventually("no page warns") {
                    await second.get("/help")?.body.contains("found promises broken") == false
                }
                try await world.stop(second)
                // Who only reads keeps nothing, and the page says how that is changed.
                let reader = try await world.console(["DATABASE_URL": roles.url("auditor")])
                try await Self.verify(reader)
                try await eventually("the run has ended") {
                    await reader.get("/verify")?.body.contains("Only this console knows of this run") == true
                }
                #expect(try await world.number("SELECT count(*) FROM verifications") == 2)
                try await world.stop(reader)
            }
            await owner.close()
        }
    }

    private static func verify(_ console: Program) async throws {
        let url = "http://127.0.0.1:\(try #require(console.port))"
        let run = try await Program(
            path: "/usr/bin/curl", ["-sS", "-o", "/dev/null", "-X", "POST", "-H", "Origin: \(url)", "\(url)/verify"])
        #expect(try await run.ended() == .status(0))
    }

    /// Another machine's address wants people who sign in, and acts want somebody who does them.
    @Test(arguments: [
        (["CONSOLE_HTTP": "0.0.0.0:0"], "CONSOLE_HTTP"), (["CONSOLE_OPERATOR_URL": "host=x"], "CONSOLE_OPERATOR_URL"),
        (["CONSOLE_TOKENS": "alice:short"], "CONSOLE_TOKENS"),
        (["CONSOLE_TRUSTED_HEADER": "X-User"], "CONSOLE_TRUSTED_HEADER"),
    ]) func whatIsNotSafeIsRefused(settings: [String: String], named: String) async throws {
        let base = ["DATABASE_URL": "host=nowhere", "CONSOLE_HTTP": "127.0.0.1:0"]
        let console = try await Program(.console, environment: base.merging(settings) { _, given in given })
        #expect(try await console.ended() == .status(78))
        #expect(console.log.contains(named), "\(console.log)")
    }
}
