def count_change(money, coins):
    ways = [1] + [0] * money
    for coin in coins:
        for total in range(coin, money + 1):
            ways[total] += ways[total - coin]
    return ways[money]
