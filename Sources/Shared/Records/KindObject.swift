/// An object of a kind's file, read by the names of its members.
struct KindObject {
    private let line: Int
    private let members: [PlacedJSON.Member]
    private let what: String

    /// - Throws: where it is none, or has a member with another name than these.
    init(_ json: PlacedJSON, _ what: String, knows names: [String]) throws(KindFileError) {
        guard case .object(let members) = json.value else {
            throw KindFileError(json.line, "expected \(what) as an object, found \(json.value.name)")
        }
        if let other = members.first(where: { !names.contains($0.name) }) {
            throw KindFileError(
                other.line,
                "\(shown(other.name)) is nothing that \(what) has; there are \(names.joined(separator: ", "))")
        }
        (line, self.members, self.what) = (json.line, members, what)
    }

    func member(_ name: String) -> PlacedJSON.Member? { members.first { $0.name == name } }

    /// Where the member's value begins, or the object if there is none.
    func line(of name: String) -> Int { member(name)?.value.line ?? line }

    private func required(_ name: String) throws(KindFileError) -> PlacedJSON {
        guard let member = member(name) else { throw KindFileError(line, "\(what) has no \(name)") }
        return member.value
    }

    private func expected(_ name: String, _ wanted: String, _ found: PlacedJSON) -> KindFileError {
        KindFileError(found.line, "\(name): expected \(wanted), found \(found.value.name)")
    }

    // MARK: values

    func string(_ name: String) throws(KindFileError) -> String {
        let json = try required(name)
        guard case .string(let text) = json.value else { throw expected(name, "a string", json) }
        return text
    }

    func text(_ name: String, _ rule: KindNames.Rule) throws(KindFileError) -> String {
        try rule.checked(string(name), line(of: name), name)
    }

    func textIfThere(_ name: String, _ rule: KindNames.Rule) throws(KindFileError) -> String? {
        guard member(name) != nil else { return nil }
        return try text(name, rule)
    }

    func choice<Value>(_ name: String, _ values: [(String, Value)]) throws(KindFileError) -> Value {
        let text = try string(name)
        guard let value = values.first(where: { $0.0 == text })?.1 else {
            let names = values.map { "\"\($0.0)\"" }.joined(separator: ", ")
            throw KindFileError(line(of: name), "\(name): expected one of \(names), found \(shown(text))")
        }
        return value
    }

    func choiceIfThere<Value>(_ name: String, _ values: [(String, Value)]) throws(KindFileError) -> Value? {
        guard member(name) != nil else { return nil }
        return try choice(name, values)
    }

    func bool(_ name: String) throws(KindFileError) -> Bool? {
        guard let json = member(name)?.value else { return nil }
        guard case .bool(let flag) = json.value else { throw expected(name, "true or false", json) }
        return flag
    }

    func array(_ name: String) throws(KindFileError) -> [PlacedJSON] {
        let json = try required(name)
        guard case .array(let elements) = json.value else { throw expected(name, "an array", json) }
        return elements
    }

    func names(_ name: String) throws(KindFileError) -> [String] {
        try array(name).map { element throws(KindFileError) in
            guard case .string(let text) = element.value else { throw expected(name, "names", element) }
            return try KindNames.element.checked(text, element.line, name)
        }
    }

    /// Pairs of names, as in `[["high", "low"]]`; none if there is no such member.
    func pairs(_ name: String) throws(KindFileError) -> [(names: [String], line: Int)] {
        guard member(name) != nil else { return [] }
        return try array(name).map { element throws(KindFileError) in
            guard case .array(let parts) = element.value, parts.count == 2,
                case .string(let first) = parts[0].value, case .string(let second) = parts[1].value, first != second
            else {
                throw KindFileError(element.line, "\(name): expected pairs of two names, as in [[\"high\", \"low\"]]")
            }
            return ([first, second], element.line)
        }
    }
}
