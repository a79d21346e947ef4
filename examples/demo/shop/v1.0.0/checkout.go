package main

import "fmt"

// prices of a cup of tea, in the smallest unit of each currency.
var prices = map[string]int{"EUR": 450, "JPY": 800}

func total(currency string, cups int) (int, error) {
	price, ok := prices[currency]
	if !ok {
		return 0, fmt.Errorf("no price in %q", currency)
	}
	return cups * price, nil
}
