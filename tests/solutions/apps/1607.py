text = input()
before, total = 0, text.count("Q")
answer = 0
for letter in text:
    if letter == "Q":
        before += 1
    elif letter == "A":
        answer += before * (total - before)
print(answer)
