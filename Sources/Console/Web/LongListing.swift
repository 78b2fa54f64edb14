import Hummingbird
import ProgramRuntime
import ServiceLifecycle

/// A list to its end as NDJSON, written page by page while it is read: it needs the memory of a page, and no session of the
/// database between pages.
struct LongListing: Sendable {
    /// Where it stops: whoever wants more goes on from there.
    private static let mostRows = 100_000
    private static let longest = Duration.seconds(60)

    /// Its address, without the query.
    let path: String
    let first: Listing
    let ask: Ask
    let read: @Sendable (Ask) async throws -> Listing

    /// A page that cannot be read ends the connection early, so that what came is not taken for all. Where it had to stop, the last
    /// line has the one key `next` with the address that goes on.
    var response: Response {
        let body = ResponseBody { writer in
            let start = ContinuousClock.now
            var (page, rows) = (first, 0)
            while true {
                try await writer.write(ByteBuffer(string: page.text(as: .ndjson)))
                rows += page.rows.count
                guard let next = page.next else { break }
                guard rows < Self.mostRows, .now - start < Self.longest, !Task.isShuttingDownGracefully else {
                    let line = ListingValue.object([("next", .text(path + next))]).json
                    try await writer.write(ByteBuffer(string: line + "\n"))
                    break
                }
                page = try await read(ask.with(FormFields(next.dropFirst())))
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: "application/x-ndjson"], body: body)
    }
}
