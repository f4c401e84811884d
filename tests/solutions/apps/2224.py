input()
pairs = list(zip(input().strip(), input().strip(), strict=False))
count = {pair: pairs.count(pair) for pair in [("0", "0"), ("0", "1"), ("1", "0"), ("1", "1")]}
zeros_open, zeros_shut = count["0", "0"], count["0", "1"]
ones_open, ones_shut = count["1", "0"], count["1", "1"]
print(zeros_open * (ones_open + ones_shut) + zeros_shut * ones_open)
