def multiple_of_index(arr):
    return [value for index, value in enumerate(arr) if index and value % index == 0]
