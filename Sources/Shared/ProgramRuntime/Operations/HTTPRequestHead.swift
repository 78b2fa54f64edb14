/// The head of an HTTP/1 request, as much of it as the endpoint needs.
struct HTTPRequestHead: Equatable {
    /// The most bytes of a head; a longer one is refused.
    static let limit = 8192

    /// What the bytes received so far are.
    enum Reading: Equatable {
        case incomplete
        case complete(HTTPRequestHead)
        /// To be answered with this status.
        case refused(HTTPStatus)
    }

    let method: String
    /// The path without the query.
    let path: String
    /// The token of `Authorization: Bearer`, if there is one.
    let bearerToken: String?
    /// The types that the caller takes, as `Accept` has them.
    let accept: String
    /// Whom the caller believes to ask, without the port; nil where an HTTP/1.0 request does not say.
    let host: String?

    /// Reads a head from the first bytes of a connection.
    static func read(_ bytes: [UInt8]) -> Reading {
        guard let end = endOfHead(bytes) else { return bytes.count < limit ? .incomplete : .refused(.headTooLarge) }
        guard end <= limit else { return .refused(.headTooLarge) }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split(whereSeparator: \.isNewline)
        let words = lines.first?.split(separator: " ", omittingEmptySubsequences: false) ?? []
        guard words.count == 3, words[2].hasPrefix("HTTP/1."), words[1].hasPrefix("/"), !words[0].isEmpty else {
            return .refused(.badRequest)
        }
        let path = words[1].prefix { $0 != "?" }
        let hosts = values(of: "host", in: lines)
        guard hosts.count == 1 || hosts.isEmpty && words[2] == "HTTP/1.0" else { return .refused(.badRequest) }
        return .complete(
            HTTPRequestHead(
                method: String(words[0]), path: String(path), bearerToken: bearerToken(in: lines),
                accept: values(of: "accept", in: lines).joined(separator: ","),
                host: hosts.first.map(withoutPort)))
    }

    /// Where the blank line ends; lines may end in a line feed alone (RFC 9112, section 2.2).
    private static func endOfHead(_ bytes: [UInt8]) -> Int? {
        var lineIsEmpty = false
        for (place, byte) in bytes.enumerated() {
            if byte == UInt8(ascii: "\n") {
                if lineIsEmpty { return place + 1 }
                lineIsEmpty = true
            } else if byte != UInt8(ascii: "\r") {
                lineIsEmpty = false
            }
        }
        return nil
    }

    /// The values of all fields of this name.
    private static func values(of name: String, in lines: [Substring]) -> [String] {
        lines.dropFirst().compactMap { line in
            guard let colon = line.firstIndex(of: ":"), line[..<colon].lowercased() == name else { return nil }
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            return value.lastIndex { $0 != " " && $0 != "\t" }.map { String(value[...$0]) } ?? ""
        }
    }

    private static func bearerToken(in lines: [Substring]) -> String? {
        let words = values(of: "authorization", in: lines).first?.split(separator: " ") ?? []
        return words.count == 2 && words[0].lowercased() == "bearer" ? String(words[1]) : nil
    }

    private static func withoutPort(_ host: String) -> String {
        if host.hasPrefix("["), let end = host.firstIndex(of: "]") { return String(host[...end]) }
        return String(host.prefix { $0 != ":" })
    }
}

/// The statuses that the endpoint answers with.
enum HTTPStatus: String {
    case ok = "200 OK"
    case badRequest = "400 Bad Request"
    case unauthorized = "401 Unauthorized"
    case forbidden = "403 Forbidden"
    case notFound = "404 Not Found"
    case methodNotAllowed = "405 Method Not Allowed"
    case misdirected = "421 Misdirected Request"
    case headTooLarge = "431 Request Header Fields Too Large"
    case unavailable = "503 Service Unavailable"
}

/// An answer of the endpoint; the connection closes after it.
struct HTTPAnswer: Equatable {
    var status: HTTPStatus
    var contentType = "text/plain; charset=utf-8"
    var headers: [String] = []
    var body: String

    /// The answer as it goes over the wire.
    var bytes: [UInt8] {
        var lines = ["HTTP/1.1 \(status.rawValue)", "Content-Type: \(contentType)"]
        lines += ["Content-Length: \(body.utf8.count)", "Cache-Control: no-store", "Connection: close"]
        return Array(((lines + headers).joined(separator: "\r\n") + "\r\n\r\n" + body).utf8)
    }
}
