import ProgramRuntime
import Testing

@testable import Console
@testable import Outbox

@Suite("The link to a trace") struct TraceLinkTests {
    private static let id = "0af7651916cd43dd8448eb211c80319c"

    private static func address(_ template: String, trace: String? = nil, parent: String? = nil) -> String? {
        var event = EventLife.Event()
        event.trace = trace
        event.context = parent.flatMap(TraceContext.init(traceparent:))
        return TraceLink(template)?.address(of: event)
    }

    @Test func isThatOfTheEvent() {
        let template = "https://traces.example/trace/{trace_id}?x=1"
        let address = "https://traces.example/trace/\(Self.id)?x=1"
        #expect(Self.address(template, trace: "t1", parent: "00-\(Self.id)-b7ad6b7169203331-00") == address)
        #expect(Self.address(template, trace: Self.id) == address, "collectors may send it as their own")
        #expect(Self.address(template, trace: "t1") == nil)
        #expect(Self.address(template, trace: "javascript:alert(1)//////////////") == nil)
        #expect(Self.address(template) == nil)
    }

    @Test(arguments: [
        "", "https://", "https://traces.example/", "javascript:alert('{trace_id}')", "//traces.example/{trace_id}",
        "https://traces.example/\"{trace_id}", "https://traces.example/ {trace_id}",
        "https://traces.example/ü{trace_id}",
    ])
    func whatIsNoAddressIsRefused(template: String) { #expect(TraceLink(template) == nil) }
}
