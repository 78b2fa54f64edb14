"""Candles of this very moment, 50 a second, as `writer feed` takes them, until nobody reads them any more."""

import json
import os
import sys
import time

MARKETS = [market["id"] for exchange in json.load(open(os.path.join(os.environ["here"], "examples/markets.json")))
           for market in exchange["markets"]]

try:
    while True:
        start = time.time_ns() // 1_000_000
        candle = {"exchange": "binance", "symbol": "any", "type": "CandleStick", "payload": {
            "charts": [[start, 1, 2, 0.5, 1.5, 100]], "intervalStart": start, "intervalEnd": start + 1,
            "marketId": MARKETS[start % len(MARKETS)]}}
        print(json.dumps(candle), flush=True)
        time.sleep(0.02)
except BrokenPipeError:
    sys.stderr.close()
