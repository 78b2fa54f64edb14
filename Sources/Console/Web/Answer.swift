import HTTPTypes
import Hummingbird

/// Answers of the routes.
enum Answer {
    static func text(_ text: String, _ status: HTTPResponse.Status = .ok) -> Response {
        response(Array((text + "\n").utf8), "text/plain; charset=utf-8", status)
    }

    static func html(_ html: HTML, _ status: HTTPResponse.Status = .ok, tag: String? = nil) -> Response {
        var response = response(Array(html.text.utf8), "text/html; charset=utf-8", status)
        if let tag { response.headers[.eTag] = tag }
        return response
    }

    static func response(_ bytes: [UInt8], _ type: String, _ status: HTTPResponse.Status = .ok) -> Response {
        var response = Response(status: status, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
        response.headers[.contentType] = type
        return response
    }

    /// After a form: the browser asks for the page that shows what came of it.
    static func seeOther(_ path: String) -> Response {
        Response(status: .seeOther, headers: [.location: path])
    }

    /// A tag that changes with the content (FNV-1a).
    static func tag(_ text: String) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return "\"\(String(hash, radix: 16))\""
    }
}

/// Ends a request with a status and a sentence for people.
struct PageError: Error {
    let status: HTTPResponse.Status
    let sentence: String

    static func notFound(_ sentence: String) -> PageError { PageError(status: .notFound, sentence: sentence) }
    static func wrong(_ sentence: String) -> PageError { PageError(status: .badRequest, sentence: sentence) }
}
