import Testing

@testable import Records

/// One field of each type, as messages have it.
@Suite struct FieldTypeTests {
    /// Decodes `value` in place of the field `x`, whose definition has these members beside its name.
    private func column(_ definition: String, _ value: String?) throws -> String? {
        let kind = try kind("{\"name\": \"x\", \"column\": \"value_of_x\", \(definition)}")
        return try decode(value.map { "\"x\":\($0)" } ?? "\"y\":1", as: kind)[0]
    }

    private func kind(_ fields: String, _ more: String = "") throws(KindFileError) -> RecordKind {
        try KindFile.parse(
            Array(
                """
                {"name": "Test", "queue": "q", "table": "tests", "partition": "day", "fields": [\(fields)]\(more)}
                """.utf8))
    }

    private func decode(_ fields: String, as kind: RecordKind) throws -> [String?] {
        let body = Array(message(fields).utf8)
        var batch = PreparedBatch(bytes: body, kinds: [kind])
        batch.add(body: body.indices, kind: 0, maximumBytes: 1 << 20)
        if let refused = batch.refused.first { throw refused.refusal }
        return kind.fields.indices.map { column in
            batch.value(column, of: batch.records[0]).map { String(decoding: $0, as: UTF8.self) }
        }
    }

    @Test(
        arguments: [
            ("number", "1.50", "1.50"), ("number", "-2e3", "-2e3"), ("integer", "5", "5"), ("integer", "5.0", "5"),
            ("integer", "1e3", "1000"), ("integer", "-9223372036854775807", "-9223372036854775807"),
            ("decimal", "\"0.10\"", "0.10"), ("decimal", "12345678901234567890.5", "12345678901234567890.5"),
            ("text", "\"\"", ""), ("text", "\"a{},\\\"\\u00e9\\n\"", "a{},\"é\n"), ("text", "\"NULL\"", "NULL"),
            ("boolean", "true", "true"), ("boolean", "false", "false"),
            ("json", "{\"a\": [1, null, \"x\"]}", "{\"a\": [1, null, \"x\"]}"), ("json", "\"s\"", "\"s\""),
            ("json", "1.50", "1.50"), ("json", "[]", "[]"),
        ] as [(String, String, String)])
    func `what is taken`(_ type: String, _ value: String, _ text: String) throws {
        #expect(try column("\"type\": \"\(type)\"", value) == text)
        #expect(try column("\"type\": \"\(type)\", \"null\": \"stored\"", "null") == nil)
        #expect(try column("\"type\": \"\(type)\", \"required\": false", nil) == nil)
    }

    @Test(
        arguments: [
            ("number", "\"1\"", "payload.x: expected a number, found a string \"1\""),
            ("number", "1e400", "payload.x: expected a"),
            ("integer", "1.5", "payload.x: expected an integer of 64 bits, found 1.5"),
            ("integer", "9223372036854775808", "payload.x: expected an integer of 64 bits"),
            ("integer", "\"1\"", "payload.x: expected a number"),
            ("decimal", "\"1,5\"", "payload.x: expected a decimal"),
            ("text", "5", "payload.x: expected a string, found a number 5"),
            ("text", "[]", "payload.x: expected a string"),
            ("boolean", "1", "payload.x: expected a boolean, found a number 1"),
            ("boolean", "\"true\"", "payload.x: expected a boolean"),
            ("boolean", "trve", "payload.x: expected a value at byte"),
            ("json", "nul", "payload.x: expected a value at byte"),
            ("json", "[1,]", "payload.x: expected a value at byte"),
        ] as [(String, String, String)])
    func `what is refused`(_ type: String, _ value: String, _ detail: String) throws {
        let refusal = #expect(throws: Refusal.self) { try column("\"type\": \"\(type)\"", value) }
        #expect(refusal?.detail.hasPrefix(detail) == true, "\(refusal?.detail ?? "")")
    }

    @Test(arguments: RecordKind.FieldType.allCases)
    func `null and nothing, where they are not to be`(_ type: RecordKind.FieldType) throws {
        let elements = type == .rows ? ", \"elements\": [\"a\"]" : ""
        let missing = #expect(throws: Refusal.self) { try column("\"type\": \"\(type.rawValue)\"\(elements)", nil) }
        #expect(missing?.reason == .missingField && missing?.detail == "payload.x: is missing")
        let null = #expect(throws: Refusal.self) { try column("\"type\": \"\(type.rawValue)\"\(elements)", "null") }
        #expect(null?.reason == .wrongType && null?.detail.hasSuffix("found null") == true)
    }

    @Test(arguments: ["number", "integer", "decimal"]) func `not negative`(_ type: String) throws {
        let definition = "\"type\": \"\(type)\", \"notNegative\": true"
        for good in ["0", "-0", "7"] { #expect(try column(definition, good) != nil) }
        let refusal = #expect(throws: Refusal.self) { try column(definition, "-7") }
        #expect(refusal?.reason == .outOfRange && refusal?.detail == "payload.x: -7 is negative")
    }

    @Test func `first not below second`() throws {
        let kind = try kind(
            """
            {"name": "high", "type": "number", "required": false, "null": "stored"}, {"name": "low", "type": "integer", "required": false}
            """, ", \"notBelow\": [[\"high\", \"low\"]]")
        for good in ["\"high\":2,\"low\":2", "\"low\":1,\"high\":12", "\"low\":5", "\"high\":null,\"low\":3"] {
            #expect(throws: Never.self) { try decode(good, as: kind) }
        }
        let refusal = #expect(throws: Refusal.self) { try decode("\"high\":1,\"low\":2", as: kind) }
        #expect(refusal?.reason == .outOfRange && refusal?.detail == "payload.high: 1.0 is below low 2.0")
    }

    @Test func `rows with rules of their own`() throws {
        let rows =
            "\"type\": \"rows\", \"elements\": [\"price\", \"amount\", \"isMaker\"], \"zeroOrOne\": [\"isMaker\"]"
        #expect(try column(rows, "[[1,2,0],[3,4,1]]") == "{{1,2,0},{3,4,1}}")
        let refusal = #expect(throws: Refusal.self) { try column(rows, "[[1,2,2]]") }
        #expect(refusal?.detail == "payload.x[0]: isMaker 2.0 is neither 0 nor 1")
        #expect(throws: Refusal.self) { try column(rows, "[[1,null,0]]") }
        #expect(try column(rows + ", \"null\": \"rows\"", "[null,[1,null,0]]") == "{{NULL,NULL,NULL},{1,NULL,0}}")
    }

    @Test func `texts and JSON have a limit`() throws {
        func text(_ count: Int, _ piece: String = "x") -> String { "\"\(String(repeating: piece, count: count))\"" }
        #expect(try column("\"type\": \"text\"", text(10_000)) != nil)
        #expect(try column("\"type\": \"text\"", text(10_000, "\\u0041")) != nil)
        for long in [text(10_001), text(10_001, "\\u0041"), text(5001, "\\u00e9")] {
            let refusal = #expect(throws: Refusal.self) { try column("\"type\": \"text\"", long) }
            #expect(refusal?.reason == .outOfRange)
        }
        #expect(try column("\"type\": \"json\"", text(65_534)) != nil)
        let refusal = #expect(throws: Refusal.self) { try column("\"type\": \"json\"", text(65_535)) }
        #expect(refusal?.detail == "payload.x: expected at most 65536 bytes of JSON, found 65537")
    }
}
