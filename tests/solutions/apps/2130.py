from math import comb

total, answer = 0, 1
for _ in range(int(input())):
    count = int(input())
    total += count
    answer = answer * comb(total - 1, count - 1) % 1000000007
print(answer)
