import HTTPTypes
import Hummingbird
import ServiceLifecycle

/// A stream of server-sent events that says no more than that there is something new.
enum LiveStream {
    static func response(_ feed: StatusFeed) -> Response {
        guard let versions = feed.versions() else { return Answer.text("too many pages are open", .serviceUnavailable) }
        let body = ResponseBody { writer in
            // A first byte tells the browser that it is open.
            try await writer.write(ByteBuffer(string: "retry: 2000\n\n"))
            for await version in versions.cancelOnGracefulShutdown() {
                try await writer.write(ByteBuffer(string: "data: \(version)\n\n"))
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: "text/event-stream"], body: body)
    }
}
