// Decoding of candle messages: Foundation's decoder against ours, in turns, in one run.
//
//     zcat candles.ndjson.gz | swift run -c release DecodeBenchmark
//
// Prints nanoseconds of CPU time for each message, the median of seven rounds.

import Foundation
import Records

struct CandleMessage: Decodable {
    struct Payload: Decodable {
        var charts: [[Double?]]
        var intervalStart: Int64
        var intervalEnd: Int64
        var marketId: Int32
    }
    var exchange: String
    var symbol: String
    var payload: Payload
    var collectorTraceId: String?
}

func lines(of bytes: [UInt8]) -> [Range<Int>] {
    var bodies: [Range<Int>] = []
    var start = 0
    for index in bytes.indices where bytes[index] == UInt8(ascii: "\n") {
        bodies.append(start..<index)
        start = index + 1
    }
    return bodies
}

let input = FileHandle.standardInput.readDataToEndOfFile()
let bytes = [UInt8](input)
let bodies = lines(of: bytes)

func cpuSeconds() -> Double { Double(clock()) / Double(CLOCKS_PER_SEC) }

@MainActor func withFoundation() -> Int {
    let decoder = JSONDecoder()
    var count = 0
    for body in bodies {
        let data = input[input.startIndex + body.lowerBound..<input.startIndex + body.upperBound]
        if (try? decoder.decode(CandleMessage.self, from: data)) != nil { count += 1 }
    }
    return count
}

@MainActor func withOurs() -> Int {
    var count = 0
    for batch in stride(from: 0, to: bodies.count, by: 500) {
        var prepared = PreparedBatch(bytes: bytes, capacity: 500)
        for message in batch..<min(batch + 500, bodies.count) {
            prepared.add(body: bodies[message], kind: 0, maximumBytes: 1 << 20)
        }
        count += prepared.records.count
        if let refused = prepared.refused.first { print(refused.refusal.detail) }
    }
    return count
}

var rounds: [(foundation: Double, ours: Double)] = []
for _ in 0..<7 {
    let begin = cpuSeconds()
    let first = withFoundation()
    let middle = cpuSeconds()
    let second = withOurs()
    let end = cpuSeconds()
    precondition(first == bodies.count && second == bodies.count, "\(first), \(second) of \(bodies.count) decoded")
    rounds.append((middle - begin, end - middle))
}
let perMessage = 1e9 / Double(bodies.count)
let foundation = rounds.map(\.foundation).sorted()[3] * perMessage
let ours = rounds.map(\.ours).sorted()[3] * perMessage
print("\(bodies.count) messages, \(bytes.count / bodies.count) bytes each")
print(String(format: "Foundation JSONDecoder  %7.0f ns", foundation))
print(String(format: "MessageDecoder          %7.0f ns", ours))
print(String(format: "ratio                   %7.1f", foundation / ours))
