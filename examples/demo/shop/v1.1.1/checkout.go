package main

import "fmt"

// prices of a cup of tea, in the smallest unit of each currency.
var prices = map[string]int{"EUR": 450, "JPY": 800}

// discountFrom is the amount from which an order is 10% cheaper, in the smallest unit of each currency.
var discountFrom = map[string]int{"EUR": 2000, "JPY": 3600}

func total(currency string, cups int) (int, error) {
	price, ok := prices[currency]
	if !ok {
		return 0, fmt.Errorf("no price in %q", currency)
	}
	sum := cups * price
	if sum >= discountFrom[currency] {
		sum -= sum / 10
	}
	return sum, nil
}
