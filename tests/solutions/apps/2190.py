def main():
    input()
    stack = []  # (id, the step in which it is killed)
    longest = 0
    for psycho in map(int, input().split()):
        step = 0
        while stack and stack[-1][0] < psycho:
            step = max(step, stack.pop()[1])
        step = step + 1 if stack else 0
        longest = max(longest, step)
        stack.append((psycho, step))
    print(longest)


main()
