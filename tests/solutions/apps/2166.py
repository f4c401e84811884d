from collections import deque


def main():
    n = int(input())
    moves = [list(map(int, input().split()))[1:] for _ in range(2)]
    result = [[None] * n for _ in range(2)]  # of whoever moves from here
    undecided = [[len(moves[player])] * n for player in range(2)]
    queue = deque()
    for player in range(2):
        result[player][0] = "Lose"
        queue.append((player, 0))
    while queue:
        player, place = queue.popleft()
        other = 1 - player
        for step in moves[other]:
            before = (place - step) % n
            if result[other][before] is not None:
                continue
            undecided[other][before] -= 1
            if result[player][place] == "Lose":
                result[other][before] = "Win"
            elif undecided[other][before] == 0:
                result[other][before] = "Lose"
            else:
                continue
            queue.append((other, before))
    for player in range(2):
        print(*(outcome or "Loop" for outcome in result[player][1:]))


main()
