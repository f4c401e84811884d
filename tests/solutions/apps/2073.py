input()
stack, best = [], 0
for value in map(int, input().split()):
    while stack:
        best = max(best, stack[-1] ^ value)
        if stack[-1] > value:
            break
        stack.pop()
    stack.append(value)
print(best)
