/// The parts of a broker address, taken apart without Foundation.
enum EndpointParser {
    struct Failure: Error {
        let problem: String
    }

    static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }

    /// Host and port of `host`, `host:port`, `[::1]` or `[::1]:port`.
    static func hostAndPort(_ text: Substring, standardPort: UInt16) throws(Failure) -> (String, UInt16) {
        var host = text
        var port: Substring = ""
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { throw Failure(problem: "the host's ] is missing") }
            host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.first == ":" else { throw Failure(problem: "the port must follow a colon") }
            port = rest.dropFirst()
        } else if let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            port = text[text.index(after: colon)...]
        }
        guard !host.isEmpty else { throw Failure(problem: "the host is missing") }
        guard !port.isEmpty else { return (String(host), standardPort) }
        guard let number = UInt16(port), number > 0 else {
            throw Failure(problem: "the port must be a number between 1 and 65535")
        }
        return (String(host), number)
    }

    static func percentDecoded(_ text: Substring) throws(Failure) -> String {
        let wrong = Failure(problem: "% must be followed by two hexadecimal digits, and a bare % be written %25")
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst(), let low = rest.popFirst(),
                let first = Character(UnicodeScalar(high)).hexDigitValue,
                let second = Character(UnicodeScalar(low)).hexDigitValue
            else { throw wrong }
            bytes.append(UInt8(first * 16 + second))
        }
        guard !bytes.contains(0), let decoded = String(validating: bytes, as: UTF8.self) else {
            throw Failure(problem: "the percent-encoded bytes must be UTF-8 without a zero byte")
        }
        return decoded
    }
}

extension AMQPEndpoint {
    init(url: Substring) throws(EndpointParser.Failure) {
        guard let separator = url.firstRange(of: "://") else {
            throw EndpointParser.Failure(problem: "it must begin with amqp:// or amqps://")
        }
        let scheme = url[..<separator.lowerBound].lowercased()
        guard scheme == "amqp" || scheme == "amqps" else {
            throw EndpointParser.Failure(problem: "it must begin with amqp:// or amqps://")
        }
        let question = url.firstIndex(of: "?") ?? url.endIndex
        let rest = url[separator.upperBound..<max(question, separator.upperBound)]
        guard !url.contains("#") else { throw EndpointParser.Failure(problem: "a # must be written %23") }
        guard scheme == "amqps" || question == url.endIndex else {
            throw EndpointParser.Failure(
                problem: "amqp:// takes no parameters; a ? in the password must be written %3F")
        }
        tls = scheme == "amqps" ? try AMQPTLS(query: url[question...].dropFirst()) : nil
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        (user, password, host, port) = try Self.authority(rest[..<slash], standardPort: tls == nil ? 5672 : 5671)
        let path = rest[slash...].dropFirst()
        guard path == "/" || !path.contains("/") else {
            throw EndpointParser.Failure(problem: "a / in the virtual host must be written %2F")
        }
        virtualHost = path.isEmpty ? "/" : try EndpointParser.percentDecoded(path)
    }

    private static func authority(
        _ text: Substring, standardPort: UInt16
    ) throws(EndpointParser.Failure) -> (user: String, password: String, host: String, port: UInt16) {
        guard let at = text.lastIndex(of: "@") else {
            let (host, port) = try EndpointParser.hostAndPort(text, standardPort: standardPort)
            return ("guest", "guest", host, port)
        }
        let (host, port) = try EndpointParser.hostAndPort(text[text.index(after: at)...], standardPort: standardPort)
        let login = text[..<at]
        guard let colon = login.firstIndex(of: ":") else {
            throw EndpointParser.Failure(problem: "the password is missing")
        }
        return (
            try EndpointParser.percentDecoded(login[..<colon]),
            try EndpointParser.percentDecoded(login[login.index(after: colon)...]), host, port
        )
    }
}
