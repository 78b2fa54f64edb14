import TestSupport
import Testing

@testable import Records

/// The corpus of bad messages, as the decoder sees it.
@Suite struct BadMessageTests {
    @Test(arguments: BadMessage.small)
    func `each has its reason`(_ message: BadMessage) { expectRefused(message) }

    @Test func `large ones have their reasons`() { for message in BadMessage.large { expectRefused(message) } }

    private func expectRefused(_ message: BadMessage) {
        let refusal = refusal(of: message.body, as: message.kind, maximumBytes: BadMessage.defaultLimit)
        // Which markets there are is known to the writer alone.
        let expected = message.reason == .unknownMarket ? nil : message.reason
        #expect(refusal?.reason == expected, "\(message.name): \(refusal?.detail ?? "taken")")
    }

    @Test func `names are unique, and every reason of the decoder has examples`() {
        #expect(Set(BadMessage.all.map(\.name)).count == BadMessage.all.count)
        let reasons = Set(BadMessage.all.map(\.reason))
        #expect(reasons == Set(Refusal.Reason.allCases).subtracting([.refusedByDatabase]))
        #expect(Set(BadMessage.small.map(\.kind.name)) == Set(RecordKind.all.map(\.name)))
        for message in BadMessage.small { #expect(message.body.count < 4096, "\(message.name)") }
    }
}
